// RUN: tf2c-opt %s -p fuse-residual-add | filecheck %s

// The input joins the sums of the layer that it is added to; strides and pads of the layer stay.
// CHECK-LABEL: func.func @conv(%x: tensor<?x1x4x4xf32>, %w: tensor<1x1x3x3xf32>, %b: tensor<1xf32>) -> tensor<?x1x4x4xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w bias %b : tensor<1xf32> residual %x : tensor<?x1x4x4xf32> pads [1, 1, 1, 1] : tensor<?x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x4x4xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1x4x4xf32>
func.func @conv(%x: tensor<?x1x4x4xf32>, %w: tensor<1x1x3x3xf32>, %b: tensor<1xf32>) -> tensor<?x1x4x4xf32> {
  %c = graph.conv %x, %w bias %b : tensor<1xf32> pads [1, 1, 1, 1] : tensor<?x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x4x4xf32>
  %y = graph.add %x, %c : (tensor<?x1x4x4xf32>, tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xf32>
  func.return %y : tensor<?x1x4x4xf32>
}

// So do its dilations and groups.
// CHECK-LABEL: func.func @grouped(%x: tensor<?x2x4x4xf32>, %w: tensor<2x1x3x3xf32>) -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w residual %x : tensor<?x2x4x4xf32> pads [2, 1, 2, 1] dilations [2, 1] group 2 : tensor<?x2x4x4xf32>, tensor<2x1x3x3xf32> -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x4x4xf32>
func.func @grouped(%x: tensor<?x2x4x4xf32>, %w: tensor<2x1x3x3xf32>) -> tensor<?x2x4x4xf32> {
  %c = graph.conv %x, %w pads [2, 1, 2, 1] dilations [2, 1] group 2 : tensor<?x2x4x4xf32>, tensor<2x1x3x3xf32> -> tensor<?x2x4x4xf32>
  %y = graph.add %x, %c : (tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
  func.return %y : tensor<?x2x4x4xf32>
}

// Where both operands qualify, the layer that comes later takes the other one.
// CHECK-LABEL: func.func @both(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %early = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %w residual %early : tensor<?x2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @both(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %early = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %late = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.add %late, %early : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// The residual may be computed after the layer that takes it.
// CHECK-LABEL: func.func @late_residual(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %r = graph.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.gemm %x, %w residual %r : tensor<?x2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @late_residual(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %r = graph.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = graph.add %c, %r : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// Not into a layer whose sums are used elsewhere,
// CHECK-LABEL: func.func @shared(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>)
// CHECK-NEXT:    %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.add %c, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %c, %y : tensor<?x2xf32>, tensor<?x2xf32>
func.func @shared(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.add %c, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %c, %y : tensor<?x2xf32>, tensor<?x2xf32>
}

// not even where it is the same addition that uses them twice,
// CHECK-LABEL: func.func @doubled(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.add %c, %c : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @doubled(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.add %c, %c : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// not behind an activation,
// CHECK-LABEL: func.func @activated(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.add %c, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @activated(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.add %c, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// and not where there is a residual already.
// CHECK-LABEL: func.func @taken(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %c = graph.gemm %x, %w residual %x : tensor<?x2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.add %c, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @taken(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w residual %x : tensor<?x2xf32> : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.add %c, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}
