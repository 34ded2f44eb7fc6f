// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.array([1, -0.984375], 'f4').reshape(1, 2, 1, 1))" %t.npy
// RUN: tf2c-opt %s --split-input-file -p 'choose-scales{images="%t.npy"}' | filecheck %s

// The only image is [1, -63/64]. The input gets the finest exponent under which neither saturates,
// -6, and so does the first layer: 2 * 63/64 rectified is 0, so it stores [2, 0] in steps of 2**-5.
// Poolings and flattenings take their input's; the last layer keeps its sums and needs none.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x1xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %v = graph.constant <1x2xf32, [1.0, 1.0]> : tensor<1x2xf32>
// CHECK-NEXT:    %c = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-5>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %p = graph.max_pool %c kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %r = layout.reshape %p : (tensor<?x2x1x1xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = graph.gemm %r, %v : tensor<?x2xf32>, tensor<1x2xf32> -> tensor<?x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
  %v = graph.constant <1x2xf32, [1.0, 1.0]> : tensor<1x2xf32>
  %c = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.max_pool %c kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %r = layout.reshape %p : (tensor<?x2x1x1xf32>) -> tensor<?x2xf32>
  %y = graph.gemm %r, %v : tensor<?x2xf32>, tensor<1x2xf32> -> tensor<?x1xf32>
  func.return %y : tensor<?x1xf32>
}

// -----

// The sum is 1/64, which fits steps of 2**-12; but from steps of 2**-6 * 2**-6, those of input
// times weight, the engine shifts by 5 at least, and 6 leaves room for rounding the weights.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x1x1x1xf32>
// CHECK-NEXT:    %w = graph.constant <1x2x1x1xf32, [1.0, 1.0]> : tensor<1x2x1x1xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-6>} : tensor<?x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<?x1x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <1x2x1x1xf32, [1.0, 1.0]> : tensor<1x2x1x1xf32>
  %y = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}

// -----

// Alone, the residual of 2**-40 would have steps of 2**-46. Its sum has steps of 2**-3, and a residual
// can be shifted by 30 at most, so the residual is stored in steps of 2**-33.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [9.094947e-13, 0.0, 0.0, 9.094947e-13]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %v = graph.constant <2x2x1x1xf32, [8.0, 0.0, 0.0, 8.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %r = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-33>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = graph.conv %x, %v residual %r : tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-3>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [9.094947e-13, 0.0, 0.0, 9.094947e-13]> : tensor<2x2x1x1xf32>
  %v = graph.constant <2x2x1x1xf32, [8.0, 0.0, 0.0, 8.0]> : tensor<2x2x1x1xf32>
  %r = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.conv %x, %v residual %r : tensor<?x2x1x1xf32> : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
