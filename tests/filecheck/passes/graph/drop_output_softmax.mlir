// RUN: tf2c-opt %s --split-input-file -p drop-output-softmax | filecheck %s

// The network returns the scores that its softmax would see.
// CHECK-LABEL: func.func @main(%x: tensor<?x2xf32>, %w: tensor<3x2xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %s = graph.gemm %x, %w : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %s : tensor<?x3xf32>
func.func @main(%x: tensor<?x2xf32>, %w: tensor<3x2xf32>) -> tensor<?x3xf32> {
  %s = graph.gemm %x, %w : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
  %y = graph.softmax %s axis 1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}

// -----

// Of one pixel, another shape of the result does not count.
// CHECK-LABEL: func.func @main(%x: tensor<?x3x1x1xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %y = layout.reshape %x : (tensor<?x3x1x1xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3xf32>
func.func @main(%x: tensor<?x3x1x1xf32>) -> tensor<?x3xf32> {
  %s = graph.softmax %x axis 1 : (tensor<?x3x1x1xf32>) -> tensor<?x3x1x1xf32>
  %y = layout.reshape %s : (tensor<?x3x1x1xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}

// -----

// A softmax inside the network stays, and so does one that is used elsewhere, too,
// CHECK-LABEL: func.func @inside(%x: tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %s = graph.softmax %x axis 1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %y = graph.relu %s : (tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3xf32>
func.func @inside(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %s = graph.softmax %x axis 1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %y = graph.relu %s : (tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @shared(%x: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
// CHECK-NEXT:    %s = graph.softmax %x axis 1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %y = graph.relu %s : (tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %s, %y : tensor<?x3xf32>, tensor<?x3xf32>
func.func @shared(%x: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  %s = graph.softmax %x axis 1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %y = graph.relu %s : (tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %s, %y : tensor<?x3xf32>, tensor<?x3xf32>
}

// and one of an image that is flattened: its axis would be torn apart.
// CHECK-LABEL: func.func @image(%x: tensor<?x3x2x2xf32>) -> tensor<?x12xf32>
// CHECK-NEXT:    %s = graph.softmax %x axis 1 : (tensor<?x3x2x2xf32>) -> tensor<?x3x2x2xf32>
// CHECK-NEXT:    %y = layout.reshape %s : (tensor<?x3x2x2xf32>) -> tensor<?x12xf32>
// CHECK-NEXT:    func.return %y : tensor<?x12xf32>
func.func @image(%x: tensor<?x3x2x2xf32>) -> tensor<?x12xf32> {
  %s = graph.softmax %x axis 1 : (tensor<?x3x2x2xf32>) -> tensor<?x3x2x2xf32>
  %y = layout.reshape %s : (tensor<?x3x2x2xf32>) -> tensor<?x12xf32>
  func.return %y : tensor<?x12xf32>
}
