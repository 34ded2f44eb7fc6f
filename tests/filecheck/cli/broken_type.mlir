// RUN: not tf2c-opt %s 2>&1 | filecheck %s

// An operand of a type that an op does not take is the user's mistake, not ours.

// CHECK-NOT: Traceback
// CHECK:     error: {{.*}}broken_type.mlir{{.*}}i8 should be of base attribute f32
// CHECK-NOT: {{.}}
func.func @main(%x: tensor<?x4xi8>) -> tensor<?x4xf32> {
  %y = graph.relu %x : (tensor<?x4xi8>) -> tensor<?x4xf32>
  func.return %y : tensor<?x4xf32>
}
