// RUN: not tf2c-opt %s -p fold-batch-norm 2>&1 | filecheck %s

// Parameters that the network computes cannot be folded.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `norm`: expected constant weights, got computed ones
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x1xf32>, %p: tensor<1xf32>) -> tensor<?x1xf32> {
  %y = graph.batch_normalization %x, %p, %p, %p, %p {epsilon = 0.0 : f32} : (tensor<?x1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x1xf32> loc("norm")
  func.return %y : tensor<?x1xf32>
}
