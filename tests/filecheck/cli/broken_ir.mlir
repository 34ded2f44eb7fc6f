// RUN: not tf2c-opt %s 2>&1 | filecheck %s

// IR that breaks a constraint is refused with the layer's name, in the user's words.

// CHECK-NOT: Traceback
// CHECK:     error: {{.*}}broken_ir.mlir: layer `activation`: `graph.relu`: expected a result of shape ?x4, got ?x5
// CHECK-NOT: {{.}}
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x5xf32> {
  %y = graph.relu %x : (tensor<?x4xf32>) -> tensor<?x5xf32> loc("activation")
  func.return %y : tensor<?x5xf32>
}
