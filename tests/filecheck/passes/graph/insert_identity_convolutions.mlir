// RUN: tf2c-opt %s -p insert-identity-convolutions | filecheck %s

// A ReLU behind a pooling gets a layer to join.
// CHECK-LABEL: func.func @pooled(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %p = graph.max_pool %x kernel [2, 2] strides [2, 2] : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %0 = graph.constant <2x1x1x1xf32, [1.0, 1.0]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %1 = graph.conv %p, %0 group 2 : tensor<?x2x2x2xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %y = graph.relu %1 : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x2x2xf32>
func.func @pooled(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32> {
  %p = graph.max_pool %x kernel [2, 2] strides [2, 2] : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
  %y = graph.relu %p : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
  func.return %y : tensor<?x2x2x2xf32>
}

// An addition becomes an identity with a residual; of rows, a fully connected one.
// CHECK-LABEL: func.func @addition(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %0 = graph.constant <2x2xf32, [1.0, 0.0, 0.0, 1.0]> : tensor<2x2xf32>
// CHECK-NEXT:    %y = graph.gemm %a, %0 residual %b : tensor<?x2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @addition(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %y = graph.add %a, %b : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// A layer whose sums are used elsewhere is none to join.
// CHECK-LABEL: func.func @shared(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>)
// CHECK-NEXT:    %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %0 = graph.constant <2x2xf32, [1.0, 0.0, 0.0, 1.0]> : tensor<2x2xf32>
// CHECK-NEXT:    %1 = graph.gemm %c, %0 : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.relu %1 : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %c, %y : tensor<?x2xf32>, tensor<?x2xf32>
func.func @shared(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %c, %y : tensor<?x2xf32>, tensor<?x2xf32>
}

// A ReLU that has its own layer needs none.
// CHECK-LABEL: func.func @own_layer(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @own_layer(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// Neither does a clip behind it, because two activations make one; a clip of the input does.
// CHECK-LABEL: func.func @clips(%x: tensor<?x2x1x1xf32>, %w: tensor<2x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %0 = graph.constant <2x1x1x1xf32, [1.0, 1.0]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %1 = graph.conv %x, %0 group 2 : tensor<?x2x1x1xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %i = graph.clip %1 {minimum = {{-1.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %c = graph.conv %i, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %r = graph.relu %c : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = graph.clip %r {minimum = {{-1.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xf32>
func.func @clips(%x: tensor<?x2x1x1xf32>, %w: tensor<2x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %i = graph.clip %x {minimum = -1.0 : f32, maximum = 6.0 : f32} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %c = graph.conv %i, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %r = graph.relu %c : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %y = graph.clip %r {minimum = -1.0 : f32, maximum = 6.0 : f32} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
