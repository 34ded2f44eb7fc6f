// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s

// Every op round-trips in both formats; defaults are left out of the custom one.

// CHECK-LABEL: func.func @constant
// CHECK-NEXT:    %b = graph.constant <2xf32, [0.5, -1.0]> : tensor<2xf32>
func.func @constant() {
  %b = graph.constant <2xf32, [0.5, -1.0]> : tensor<2xf32>
  func.return
}

// CHECK-LABEL: func.func @conv
// CHECK-NEXT:    %plain = graph.conv %x, %w : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
// CHECK-NEXT:    %full = graph.conv %x, %w bias %b : tensor<4xf32> residual %r : tensor<?x4x4x4xf32> strides [2, 2] pads [1, 1, 1, 1] then relu {int8.scale = #int8.pow2<-5>} : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x4x4xf32>
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>, %b: tensor<4xf32>, %r: tensor<?x4x4x4xf32>) {
  %plain = graph.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] then none : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  %full = graph.conv %x, %w bias %b : tensor<4xf32> residual %r : tensor<?x4x4x4xf32> strides [2, 2] pads [1, 1, 1, 1] then relu {int8.scale = #int8.pow2<-5>} : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x4x4xf32>
  func.return
}

// CHECK-LABEL: func.func @gemm
// CHECK-NEXT:    %plain = graph.gemm %x, %w : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
// CHECK-NEXT:    %full = graph.gemm %x, %w bias %b : tensor<10xf32> residual %r : tensor<?x10xf32> then relu : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
func.func @gemm(%x: tensor<?x64xf32>, %w: tensor<10x64xf32>, %b: tensor<10xf32>, %r: tensor<?x10xf32>) {
  %plain = graph.gemm %x, %w : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
  %full = graph.gemm %x, %w bias %b : tensor<10xf32> residual %r : tensor<?x10xf32> then relu : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
  func.return
}

// CHECK-LABEL: func.func @batch_normalization
// CHECK-NEXT:    %y = graph.batch_normalization %x, %s, %b, %m, %v {epsilon = {{1.0*e-05}} : f32} : (tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8x8xf32>
func.func @batch_normalization(%x: tensor<?x4x8x8xf32>, %s: tensor<4xf32>, %b: tensor<4xf32>, %m: tensor<4xf32>, %v: tensor<4xf32>) {
  %y = graph.batch_normalization %x, %s, %b, %m, %v {epsilon = 1.0e-05 : f32} : (tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8x8xf32>
  func.return
}

// CHECK-LABEL: func.func @relu
// CHECK-NEXT:    %y = graph.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @relu(%x: tensor<?x4xf32>) {
  %y = graph.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// CHECK-LABEL: func.func @max_pool
// CHECK-NEXT:    %plain = graph.max_pool %x kernel [3, 2] : (tensor<?x4x8x8xf32>) -> tensor<?x4x6x7xf32>
// CHECK-NEXT:    %full = graph.max_pool %x kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
func.func @max_pool(%x: tensor<?x4x8x8xf32>) {
  %plain = graph.max_pool %x kernel [3, 2] : (tensor<?x4x8x8xf32>) -> tensor<?x4x6x7xf32>
  %full = graph.max_pool %x kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
  func.return
}

// CHECK-LABEL: func.func @add
// CHECK-NEXT:    %y = graph.add %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @add(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) {
  %y = graph.add %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// CHECK-LABEL: func.func @flatten
// CHECK-NEXT:    %y = graph.flatten %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
func.func @flatten(%x: tensor<?x4x2x2xf32>) {
  %y = graph.flatten %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
  func.return
}
