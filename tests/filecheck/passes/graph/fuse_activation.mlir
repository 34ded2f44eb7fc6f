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

// not behind an activation,
// CHECK-LABEL: func.func @activated(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @activated(%x: tensor<?x2xf32>, %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
  %c = graph.gemm %x, %w then relu : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %y = graph.relu %c : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// and not behind what is no layer.
// CHECK-LABEL: func.func @input(%x: tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2xf32>
func.func @input(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %y = graph.relu %x : (tensor<?x2xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}
