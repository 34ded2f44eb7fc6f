// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.array([1, -0.984375], 'f4').reshape(1, 2, 1, 1))" %t.npy
// RUN: tf2c-opt %s --split-input-file -p 'choose-scales{images="%t.npy"}' | filecheck %s

// The only image is [1, -63/64]. The input gets the finest exponent under which neither saturates,
// -6, and so does the first layer: 2 * 63/64 rectified is 0, so it stores [2, 0] in steps of 2**-5.
// Max poolings and reshapes keep their input's; the last layer keeps its sums and needs none.
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
// times weight, the engine shifts by 5 at least, and 6 leaves room for rounding the weights. Steps of
// 2**-7 let the weights saturate at 127/128, which is tolerable.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x1x1x1xf32>
// CHECK-NEXT:    %w = graph.constant <1x2x1x1xf32, [1.0, 1.0]> : tensor<1x2x1x1xf32>
// CHECK-NEXT:    %y = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-7>} : tensor<?x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<?x1x1x1xf32>
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

// -----

// What is concatenated shares a scale, here that of the larger tensor; so does what moves it. Alone,
// the first layer's [0.5, 0] would get steps of 2**-7.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x1xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [0.5, 0.0, 0.0, 0.5]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %u = graph.constant <2x2x1x1xf32, [4.0, 0.0, 0.0, 4.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %v = graph.constant <1x4xf32, [1.0, 1.0, 1.0, 1.0]> : tensor<1x4xf32>
// CHECK-NEXT:    %a = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-4>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %b = graph.conv %x, %u {int8.scale = #int8.pow2<-4>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %p = graph.max_pool %b kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %c = layout.concat %a, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
// CHECK-NEXT:    %r = layout.reshape %c : (tensor<?x4x1x1xf32>) -> tensor<?x4xf32>
// CHECK-NEXT:    %y = graph.gemm %r, %v : tensor<?x4xf32>, tensor<1x4xf32> -> tensor<?x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [0.5, 0.0, 0.0, 0.5]> : tensor<2x2x1x1xf32>
  %u = graph.constant <2x2x1x1xf32, [4.0, 0.0, 0.0, 4.0]> : tensor<2x2x1x1xf32>
  %v = graph.constant <1x4xf32, [1.0, 1.0, 1.0, 1.0]> : tensor<1x4xf32>
  %a = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %b = graph.conv %x, %u : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.max_pool %b kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %c = layout.concat %a, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  %r = layout.reshape %c : (tensor<?x4x1x1xf32>) -> tensor<?x4xf32>
  %y = graph.gemm %r, %v : tensor<?x4xf32>, tensor<1x4xf32> -> tensor<?x1xf32>
  func.return %y : tensor<?x1xf32>
}

// -----

// A concatenation with the network's input gives that the layer's scale, too.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-4>}) -> tensor<?x4x1x1xf32>
// CHECK-NEXT:    %u = graph.constant <2x2x1x1xf32, [4.0, 0.0, 0.0, 4.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %a = graph.conv %x, %u {int8.scale = #int8.pow2<-4>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = layout.concat %x, %a axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x4x1x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32> {
  %u = graph.constant <2x2x1x1xf32, [4.0, 0.0, 0.0, 4.0]> : tensor<2x2x1x1xf32>
  %a = graph.conv %x, %u : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = layout.concat %x, %a axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  func.return %y : tensor<?x4x1x1xf32>
}

// -----

// An average has a scale of its own, but one that is the network's result keeps 32 bits.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> (tensor<?x2x1x1xf32>, tensor<?x2xf32>)
// CHECK-NEXT:    %p = graph.average_pool %x kernel [1, 1] {int8.scale = #int8.pow2<-6>} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %r = graph.max_pool %p kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %q = graph.average_pool %x kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = layout.reshape %q : (tensor<?x2x1x1xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    func.return %r, %y : tensor<?x2x1x1xf32>, tensor<?x2xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> (tensor<?x2x1x1xf32>, tensor<?x2xf32>) {
  %p = graph.average_pool %x kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %r = graph.max_pool %p kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %q = graph.average_pool %x kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %y = layout.reshape %q : (tensor<?x2x1x1xf32>) -> tensor<?x2xf32>
  func.return %r, %y : tensor<?x2x1x1xf32>, tensor<?x2xf32>
}
