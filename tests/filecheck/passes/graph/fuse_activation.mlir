// RUN: tf2c-opt %s -p fuse-activation | filecheck %s

// A ReLU joins the layer in front of it.
// CHECK-LABEL: func.func @conv(%x: tensor<?x1x4x4xf32>, %w: tensor<2x1x1x1xf32>) -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w then relu : tensor<?x1x4x4xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x4x4xf32>
func.func @conv(%x: tensor<?x1x4x4xf32>, %w: tensor<2x1x1x1xf32>) -> tensor<?x2x4x4xf32> {
  %c = graph.conv %x, %w : tensor<?x1x4x4xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x4x4xf32>
  %y = graph.relu %c : (tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
  func.return %y : tensor<?x2x4x4xf32>
}

// Behind a residual, too: the activation comes last.
// CHECK-LABEL: func.func @gemm(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %w residual %x : tensor<?x2xf32> then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @gemm(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w residual %x : tensor<?x2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// Not where the sums are used elsewhere,
// CHECK-LABEL: func.func @shared(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>)
// CHECK-NEXT:    %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %c, %y : tensor<?x2xf32>, tensor<?x2xf32>
func.func @shared(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %c, %y : tensor<?x2xf32>, tensor<?x2xf32>
}

// and not behind what is no layer.
// CHECK-LABEL: func.func @input(%x: tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @input(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %y = graph.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// Behind an activation, the bounds of both are one pair: ReLU6 from a clip, nothing new from a ReLU.
// CHECK-LABEL: func.func @clipped(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %w then clip<0.0, 6.0> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @clipped(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %d = graph.clip %c {minimum = -1.0 : f32, maximum = 6.0 : f32} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = graph.relu %d : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// Bounds that do not meet leave the later one's nearer end.
// CHECK-LABEL: func.func @disjoint(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %w then clip<1.0, 1.0> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @disjoint(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w then clip<2.0, 3.0> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.clip %c {minimum = -1.0 : f32, maximum = 1.0 : f32} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}
