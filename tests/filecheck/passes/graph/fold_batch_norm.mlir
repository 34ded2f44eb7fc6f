// RUN: tf2c-opt %s -p fold-batch-norm | filecheck %s

// Gain and shift go into weight and bias of the convolution in front; its strides stay.
// (gain = [4, 6] / sqrt(4) = [2, 3]; bias = gain * ([1, 2] - mean) + shift.)
// CHECK-LABEL: func.func @conv(%x: tensor<?x1x4x4xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %0 = graph.constant <2x1x1x1xf32, [2.0, 6.0]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %1 = graph.constant <2xf32, [-3.5, 3.25]> : tensor<2xf32>
// CHECK-NEXT:    %y = graph.conv %x, %0 bias %1 : tensor<2xf32> strides [2, 2] : tensor<?x1x4x4xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x2x2xf32>
func.func @conv(%x: tensor<?x1x4x4xf32>) -> tensor<?x2x2x2xf32> {
  %w = graph.constant <2x1x1x1xf32, [1.0, 2.0]> : tensor<2x1x1x1xf32>
  %b = graph.constant <2xf32, [1.0, 2.0]> : tensor<2xf32>
  %scale = graph.constant <2xf32, [4.0, 6.0]> : tensor<2xf32>
  %shift = graph.constant <2xf32, [0.5, 0.25]> : tensor<2xf32>
  %mean = graph.constant <2xf32, [3.0, 1.0]> : tensor<2xf32>
  %variance = graph.constant <2xf32, [4.0, 4.0]> : tensor<2xf32>
  %c = graph.conv %x, %w bias %b : tensor<2xf32> strides [2, 2] : tensor<?x1x4x4xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x2x2xf32>
  %y = graph.batch_normalization %c, %scale, %shift, %mean, %variance {epsilon = 0.0 : f32} : (tensor<?x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x2x2xf32>
  func.return %y : tensor<?x2x2x2xf32>
}

// Of a grouped convolution, filters are filters.
// CHECK-LABEL: func.func @grouped(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    %0 = graph.constant <2x1x1x1xf32, [2.0, 6.0]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %1 = graph.constant <2xf32, [-4.0, -12.0]> : tensor<2xf32>
// CHECK-NEXT:    %y = graph.conv %x, %0 bias %1 : tensor<2xf32> group 2 : tensor<?x2x4x4xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x4x4xf32>
func.func @grouped(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32> {
  %w = graph.constant <2x1x1x1xf32, [1.0, 2.0]> : tensor<2x1x1x1xf32>
  %p = graph.constant <2xf32, [4.0, 6.0]> : tensor<2xf32>
  %variance = graph.constant <2xf32, [4.0, 4.0]> : tensor<2xf32>
  %c = graph.conv %x, %w group 2 : tensor<?x2x4x4xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x4x4xf32>
  %y = graph.batch_normalization %c, %p, %p, %p, %variance {epsilon = 0.0 : f32} : (tensor<?x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x4x4xf32>
  func.return %y : tensor<?x2x4x4xf32>
}

// A fully connected layer without a bias gets one.
// CHECK-LABEL: func.func @gemm(%x: tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %0 = graph.constant <2x2xf32, [2.0, 4.0, 9.0, 12.0]> : tensor<2x2xf32>
// CHECK-NEXT:    %1 = graph.constant <2xf32, [-5.5, -2.75]> : tensor<2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %0 bias %1 : tensor<2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @gemm(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = graph.constant <2x2xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2xf32>
  %scale = graph.constant <2xf32, [4.0, 6.0]> : tensor<2xf32>
  %shift = graph.constant <2xf32, [0.5, 0.25]> : tensor<2xf32>
  %mean = graph.constant <2xf32, [3.0, 1.0]> : tensor<2xf32>
  %variance = graph.constant <2xf32, [4.0, 4.0]> : tensor<2xf32>
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.batch_normalization %c, %scale, %shift, %mean, %variance {epsilon = 0.0 : f32} : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// The sums are also used elsewhere: they stay, and the normalization becomes a layer of its own.
// CHECK-LABEL: func.func @shared(%x: tensor<?x2x1x1xf32>) -> (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>)
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %c = graph.conv %x, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %0 = graph.constant <2xf32, [-4.0, -12.0]> : tensor<2xf32>
// CHECK-NEXT:    %1 = graph.constant <2x1x1x1xf32, [2.0, 3.0]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %y = graph.conv %c, %1 bias %0 : tensor<2xf32> group 2 : tensor<?x2x1x1xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    func.return %c, %y : tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>
func.func @shared(%x: tensor<?x2x1x1xf32>) -> (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) {
  %w = graph.constant <2x2x1x1xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2x1x1xf32>
  %p = graph.constant <2xf32, [4.0, 6.0]> : tensor<2xf32>
  %variance = graph.constant <2xf32, [4.0, 4.0]> : tensor<2xf32>
  %c = graph.conv %x, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.batch_normalization %c, %p, %p, %p, %variance {epsilon = 0.0 : f32} : (tensor<?x2x1x1xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x1x1xf32>
  func.return %c, %y : tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>
}

// An activation stands between: the same.
// CHECK-LABEL: func.func @activated(%x: tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %w = graph.constant <2x2xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2xf32>
// CHECK-NEXT:    %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %0 = graph.constant <2xf32, [-4.0, -12.0]> : tensor<2xf32>
// CHECK-NEXT:    %1 = graph.constant <2x2xf32, [2.0, 0.0, 0.0, 3.0]> : tensor<2x2xf32>
// CHECK-NEXT:    %y = graph.gemm %c, %1 bias %0 : tensor<2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @activated(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = graph.constant <2x2xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2xf32>
  %p = graph.constant <2xf32, [4.0, 6.0]> : tensor<2xf32>
  %variance = graph.constant <2xf32, [4.0, 4.0]> : tensor<2xf32>
  %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.batch_normalization %c, %p, %p, %p, %variance {epsilon = 0.0 : f32} : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// Nothing to normalize, nothing changes.
// CHECK-LABEL: func.func @plain(%x: tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %w = graph.constant <2x2xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @plain(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = graph.constant <2x2xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<2x2xf32>
  %y = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}
