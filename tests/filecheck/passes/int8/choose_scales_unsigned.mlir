// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.array([1, -0.984375], 'f4').reshape(1, 2, 1, 1))" %t.npy
// RUN: tf2c-opt %s --split-input-file -p 'choose-scales{images="%t.npy" unsigned=true}' | filecheck %s

// A rectified layer is never negative; it gets the finest steps under which 2 is at most 255 of them.
// So is an average of it, and what a concatenation joins if all its operands are.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x4xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %v = graph.constant <4x4xf32, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]> : tensor<4x4xf32>
// CHECK-NEXT:    %a = graph.conv %x, %w then clip<0.0, 6.0> {int8.scale = #int8.pow2<-5>, int8.element = ui8} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %p = graph.average_pool %a kernel [1, 1] {int8.scale = #int8.pow2<-4>, int8.element = ui8} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %b = graph.conv %a, %w then relu {int8.scale = #int8.pow2<-4>, int8.element = ui8} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %c = layout.concat %b, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
// CHECK-NEXT:    %r = layout.reshape %c : (tensor<?x4x1x1xf32>) -> tensor<?x4xf32>
// CHECK-NEXT:    %y = graph.gemm %r, %v then clip<0.5, 6.0> {int8.scale = #int8.pow2<-4>, int8.element = ui8} : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
// CHECK-NEXT:    func.return %y : tensor<?x4xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x4xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
  %v = graph.constant <4x4xf32, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]> : tensor<4x4xf32>
  %a = graph.conv %x, %w then clip<0.0, 6.0> : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.average_pool %a kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %b = graph.conv %a, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %c = layout.concat %b, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  %r = layout.reshape %c : (tensor<?x4x1x1xf32>) -> tensor<?x4xf32>
  %y = graph.gemm %r, %v then clip<0.5, 6.0> : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  func.return %y : tensor<?x4xf32>
}

// -----

// One operand that may be negative is enough to give all a sign; so is the network's input, of which
// an average has one, too.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x6x1x1xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %a = graph.conv %x, %w then relu {int8.scale = #int8.pow2<-5>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %b = graph.conv %x, %w then clip<-1.0, 6.0> {int8.scale = #int8.pow2<-5>} : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %p = graph.average_pool %x kernel [1, 1] {int8.scale = #int8.pow2<-5>} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = layout.concat %a, %b, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x6x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x6x1x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x6x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 2.0]> : tensor<2x2x1x1xf32>
  %a = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %b = graph.conv %x, %w then clip<-1.0, 6.0> : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.average_pool %x kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %y = layout.concat %a, %b, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x6x1x1xf32>
  func.return %y : tensor<?x6x1x1xf32>
}
