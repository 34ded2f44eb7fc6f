// RUN: not tf2c-opt %s 2>&1 | filecheck %s

// Text that is no IR is refused with its place.

// CHECK-NOT: Traceback
// CHECK:     error: {{.*}}broken_text.mlir:9:{{[0-9]+}}: {{.+}}
// CHECK-NOT: {{.}}
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = graph.rule %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return %y : tensor<?x4xf32>
}
