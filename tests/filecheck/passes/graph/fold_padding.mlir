// RUN: tf2c-opt %s -p fold-padding | filecheck %s

// Paddings, one behind the other, join the pads of a convolution; its other properties stay.
// CHECK-LABEL: func.func @conv(%x: tensor<?x2x4x4xf32>, %w: tensor<2x1x3x3xf32>) -> tensor<?x2x3x3xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w strides [1, 2] pads [1, 2, 2, 2] dilations [2, 1] group 2 then relu : tensor<?x2x4x4xf32>, tensor<2x1x3x3xf32> -> tensor<?x2x3x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x3x3xf32>
func.func @conv(%x: tensor<?x2x4x4xf32>, %w: tensor<2x1x3x3xf32>) -> tensor<?x2x3x3xf32> {
  %p = layout.pad %x low [0, 1, 0] high [0, 0, 2] : (tensor<?x2x4x4xf32>) -> tensor<?x2x5x6xf32>
  %q = layout.pad %p low [0, 0, 1] high [0, 1, 0] : (tensor<?x2x5x6xf32>) -> tensor<?x2x6x7xf32>
  %y = graph.conv %q, %w strides [1, 2] pads [0, 1, 1, 0] dilations [2, 1] group 2 then relu : tensor<?x2x6x7xf32>, tensor<2x1x3x3xf32> -> tensor<?x2x3x3xf32>
  func.return %y : tensor<?x2x3x3xf32>
}

// A padding that something else needs stays for that alone.
// CHECK-LABEL: func.func @shared(%x: tensor<?x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> (tensor<?x1x6x6xf32>, tensor<?x1x4x4xf32>)
// CHECK-NEXT:    %p = layout.pad %x low [0, 1, 1] high [0, 1, 1] : (tensor<?x1x4x4xf32>) -> tensor<?x1x6x6xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w pads [1, 1, 1, 1] : tensor<?x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x4x4xf32>
// CHECK-NEXT:    func.return %p, %y : tensor<?x1x6x6xf32>, tensor<?x1x4x4xf32>
func.func @shared(%x: tensor<?x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> (tensor<?x1x6x6xf32>, tensor<?x1x4x4xf32>) {
  %p = layout.pad %x low [0, 1, 1] high [0, 1, 1] : (tensor<?x1x4x4xf32>) -> tensor<?x1x6x6xf32>
  %y = graph.conv %p, %w : tensor<?x1x6x6xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x4x4xf32>
  func.return %p, %y : tensor<?x1x6x6xf32>, tensor<?x1x4x4xf32>
}

// Channels are not padded by a convolution, and a pooling does not pad with zeros.
// CHECK-LABEL: func.func @channels(%x: tensor<?x1x4x4xf32>, %w: tensor<1x2x3x3xf32>) -> tensor<?x1x2x2xf32>
// CHECK-NEXT:    %p = layout.pad %x low [1, 0, 0] high [0, 0, 0] : (tensor<?x1x4x4xf32>) -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    %y = graph.conv %p, %w : tensor<?x2x4x4xf32>, tensor<1x2x3x3xf32> -> tensor<?x1x2x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1x2x2xf32>
func.func @channels(%x: tensor<?x1x4x4xf32>, %w: tensor<1x2x3x3xf32>) -> tensor<?x1x2x2xf32> {
  %p = layout.pad %x low [1, 0, 0] high [0, 0, 0] : (tensor<?x1x4x4xf32>) -> tensor<?x2x4x4xf32>
  %y = graph.conv %p, %w : tensor<?x2x4x4xf32>, tensor<1x2x3x3xf32> -> tensor<?x1x2x2xf32>
  func.return %y : tensor<?x1x2x2xf32>
}

// CHECK-LABEL: func.func @pooling(%x: tensor<?x1x4x4xf32>) -> tensor<?x1x5x5xf32>
// CHECK-NEXT:    %p = layout.pad %x low [0, 1, 1] high [0, 1, 1] : (tensor<?x1x4x4xf32>) -> tensor<?x1x6x6xf32>
// CHECK-NEXT:    %y = graph.max_pool %p kernel [2, 2] : (tensor<?x1x6x6xf32>) -> tensor<?x1x5x5xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1x5x5xf32>
func.func @pooling(%x: tensor<?x1x4x4xf32>) -> tensor<?x1x5x5xf32> {
  %p = layout.pad %x low [0, 1, 1] high [0, 1, 1] : (tensor<?x1x4x4xf32>) -> tensor<?x1x6x6xf32>
  %y = graph.max_pool %p kernel [2, 2] : (tensor<?x1x6x6xf32>) -> tensor<?x1x5x5xf32>
  func.return %y : tensor<?x1x5x5xf32>
}
