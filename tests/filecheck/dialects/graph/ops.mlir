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
// CHECK-NEXT:    %grouped = graph.conv %i, %g dilations [2, 1] group 2 then clip<0.0, 6.0> {int8.element = ui8} : tensor<?x4x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<?x4x4x6xf32>
// CHECK-NEXT:    %full = graph.conv %x, %w bias %b : tensor<4xf32> residual %r : tensor<?x4x4x4xf32> strides [2, 2] pads [1, 1, 1, 1] then relu {int8.scale = #int8.pow2<-5>} : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x4x4xf32>
func.func @conv(%x: tensor<?x1x8x8xf32>, %w: tensor<4x1x3x3xf32>, %b: tensor<4xf32>, %r: tensor<?x4x4x4xf32>, %i: tensor<?x4x8x8xf32>, %g: tensor<4x2x3x3xf32>) {
  %plain = graph.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] group 1 then none : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x6x6xf32>
  %grouped = graph.conv %i, %g dilations [2, 1] group 2 then clip<0.0, 6.0> {int8.element = ui8} : tensor<?x4x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<?x4x4x6xf32>
  %full = graph.conv %x, %w bias %b : tensor<4xf32> residual %r : tensor<?x4x4x4xf32> strides [2, 2] pads [1, 1, 1, 1] then relu {int8.scale = #int8.pow2<-5>} : tensor<?x1x8x8xf32>, tensor<4x1x3x3xf32> -> tensor<?x4x4x4xf32>
  func.return
}

// CHECK-LABEL: func.func @gemm
// CHECK-NEXT:    %plain = graph.gemm %x, %w : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
// CHECK-NEXT:    %clipped = graph.gemm %x, %w then clip<-1.5, 6.0> : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
// CHECK-NEXT:    %above = graph.gemm %x, %w then clip<_, 6.0> : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
// CHECK-NEXT:    %below = graph.gemm %x, %w then clip<1.0, _> : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
// CHECK-NEXT:    %full = graph.gemm %x, %w bias %b : tensor<10xf32> residual %r : tensor<?x10xf32> then relu : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
func.func @gemm(%x: tensor<?x64xf32>, %w: tensor<10x64xf32>, %b: tensor<10xf32>, %r: tensor<?x10xf32>) {
  %plain = graph.gemm %x, %w : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
  %clipped = graph.gemm %x, %w then clip<-1.5, 6> : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
  %above = graph.gemm %x, %w then clip<_, 6.0> : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
  %below = graph.gemm %x, %w then clip<1.0, _> : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
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

// CHECK-LABEL: func.func @clip
// CHECK-NEXT:    %y = graph.clip %x {minimum = {{0.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @clip(%x: tensor<?x4xf32>) {
  %y = graph.clip %x {minimum = 0.0 : f32, maximum = 6.0 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// CHECK-LABEL: func.func @softmax
// CHECK-NEXT:    %y = graph.softmax %x axis 2 : (tensor<?x4x3xf32>) -> tensor<?x4x3xf32>
func.func @softmax(%x: tensor<?x4x3xf32>) {
  %y = graph.softmax %x axis 2 : (tensor<?x4x3xf32>) -> tensor<?x4x3xf32>
  func.return
}

// CHECK-LABEL: func.func @lrn
// CHECK-NEXT:    %y = graph.lrn %x size 5 {alpha = {{2.50*e-01}} : f32, beta = {{7.50*e-01}} : f32, bias = {{1.0+(e.00)?}} : f32} : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
func.func @lrn(%x: tensor<?x4x8x8xf32>) {
  %y = graph.lrn %x size 5 {alpha = 0.25 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  func.return
}

// CHECK-LABEL: func.func @average_pool
// CHECK-NEXT:    %plain = graph.average_pool %x kernel [8, 8] : (tensor<?x4x8x8xf32>) -> tensor<?x4x1x1xf32>
// CHECK-NEXT:    %full = graph.average_pool %x kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
func.func @average_pool(%x: tensor<?x4x8x8xf32>) {
  %plain = graph.average_pool %x kernel [8, 8] : (tensor<?x4x8x8xf32>) -> tensor<?x4x1x1xf32>
  %full = graph.average_pool %x kernel [3, 3] strides [2, 2] pads [0, 0, 1, 1] : (tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32>
  func.return
}
