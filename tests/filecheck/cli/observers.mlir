// RUN: tf2c-opt %s -p fuse-activation,dce --check --seed 7 --print-after --time 2>%t.err | filecheck %s
// RUN: filecheck %s --check-prefix=STDERR --input-file=%t.err
// RUN: tf2c-opt %s --print-debuginfo | tf2c-opt --print-debuginfo | filecheck %s --check-prefix=NAMES

// Only IR goes to stdout; what is asked for about the passes goes to stderr. Layer names survive text.

// CHECK-NOT:   after
// CHECK:       builtin.module
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %w = graph.constant
// CHECK-NEXT:    %y = graph.gemm %x, %w then relu :
// CHECK-NOT:   after

// STDERR:      // after fuse-activation
// STDERR:      %y = graph.gemm %x, %w then relu : {{.*}} loc("fc")
// STDERR:      fuse-activation: {{[0-9.]+}} ms
// STDERR-NEXT: fuse-activation: exact: 8 elements equal
// STDERR-NEXT: // after dce
// STDERR:      dce: {{[0-9.]+}} ms
// STDERR-NEXT: dce: exact: 8 elements equal

// NAMES: graph.gemm {{.*}} loc("fc")
// NAMES: graph.relu {{.*}} loc("activation")
func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = graph.constant <2x2xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2xf32>
  %s = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32> loc("fc")
  %y = graph.relu %s : (tensor<?x2xf32>) -> tensor<?x2xf32> loc("activation")
  func.return %y : tensor<?x2xf32>
}
