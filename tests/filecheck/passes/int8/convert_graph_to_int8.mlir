// RUN: tf2c-opt %s --split-input-file -p convert-graph-to-int8 | filecheck %s

// Each filter's weights get the finest exponent that holds them: 127/128 steps of 2**-7, and -1.99,
// a little too much for 127 steps of 2**-6, steps of 2**-5. Biases are in steps of input times
// weight; the shift is what is left to the output's exponent; ReLU is the lower bound. Weights keep
// the real numbers that they were rounded from.
// CHECK-LABEL: func.func @main(%x: tensor<?x1x2x2xf32>) -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = int8.constant <2x1x1x1xi8, [127, -64]> from <2x1x1x1xf32, [0.9921875, -1.99]> : tensor<2x1x1x1xi8, #int8.pow2<[-7, -5], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [8192, -1024]> from <2xf32, [1.0, -0.5]> : tensor<2xi32, #int8.pow2<[-13, -11], axis = 0>>
// CHECK-NEXT:    %2 = int8.conv %stored, %0, %1 : tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<2x1x1x1xi8, #int8.pow2<[-7, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -11], axis = 0>> -> tensor<?x2x2x2xi32, #int8.pow2<[-13, -11], axis = 1>>
// CHECK-NEXT:    %y = int8.requantize %2 shift [8, 6] bounds [0, 127] : tensor<?x2x2x2xi32, #int8.pow2<[-13, -11], axis = 1>> -> tensor<?x2x2x2xi8, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y : tensor<?x2x2x2xi8, #int8.pow2<-5>>
func.func @main(%x: tensor<?x1x2x2xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2x2x2xf32> {
  %w = graph.constant <2x1x1x1xf32, [0.9921875, -1.99]> : tensor<2x1x1x1xf32>
  %b = graph.constant <2xf32, [1.0, -0.5]> : tensor<2xf32>
  %y = graph.conv %x, %w bias %b : tensor<2xf32> then relu {int8.scale = #int8.pow2<-5>} : tensor<?x1x2x2xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x2x2xf32>
  func.return %y : tensor<?x2x2x2xf32>
}

// -----

// Pooling and reshaping keep the scale of what they are given. The last layer keeps its sums.
// CHECK-LABEL: func.func @main(%x: tensor<?x1x2x2xf32>) -> tensor<?x2xi32, #int8.pow2<[-12, -12], axis = 1>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %p = int8.max_pool %stored kernel [2, 2] : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %r = layout.reshape %p : (tensor<?x1x1x1xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = int8.constant <2x1xi8, [64, -64]> from <2x1xf32, [1.0, -1.0]> : tensor<2x1xi8, #int8.pow2<[-6, -6], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> from <2xf32, [0.0, 0.0]> : tensor<2xi32, #int8.pow2<[-12, -12], axis = 0>>
// CHECK-NEXT:    %y = int8.gemm %r, %0, %1 : tensor<?x1xi8, #int8.pow2<-6>>, tensor<2x1xi8, #int8.pow2<[-6, -6], axis = 0>>, tensor<2xi32, #int8.pow2<[-12, -12], axis = 0>> -> tensor<?x2xi32, #int8.pow2<[-12, -12], axis = 1>>
// CHECK-NEXT:    func.return %y : tensor<?x2xi32, #int8.pow2<[-12, -12], axis = 1>>
func.func @main(%x: tensor<?x1x2x2xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2xf32> {
  %w = graph.constant <2x1xf32, [1.0, -1.0]> : tensor<2x1xf32>
  %p = graph.max_pool %x kernel [2, 2] : (tensor<?x1x2x2xf32>) -> tensor<?x1x1x1xf32>
  %r = layout.reshape %p : (tensor<?x1x1x1xf32>) -> tensor<?x1xf32>
  %y = graph.gemm %r, %w : tensor<?x1xf32>, tensor<2x1xf32> -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// -----

// A residual joins the requantization, which is also why the last layer cannot keep its sums here.
// CHECK-LABEL: func.func @main(%x: tensor<?x1x1x1xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x1x1x1xf32> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = int8.constant <1x1x1x1xi8, [64]> from <1x1x1x1xf32, [1.0]> : tensor<1x1x1x1xi8, #int8.pow2<[-6], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [0]> from <1xf32, [0.0]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %2 = int8.conv %stored, %0, %1 : tensor<?x1x1x1xi8, #int8.pow2<-6>>, tensor<1x1x1x1xi8, #int8.pow2<[-6], axis = 0>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = int8.requantize %2 residual %stored : tensor<?x1x1x1xi8, #int8.pow2<-6>> shift [7] bounds [-128, 127] : tensor<?x1x1x1xi32, #int8.pow2<-12>> -> tensor<?x1x1x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xi8, #int8.pow2<-5>>
func.func @main(%x: tensor<?x1x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <1x1x1x1xf32, [1.0]> : tensor<1x1x1x1xf32>
  %y = graph.conv %x, %w residual %x : tensor<?x1x1x1xf32> {int8.scale = #int8.pow2<-5>} : tensor<?x1x1x1xf32>, tensor<1x1x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}

// -----

// The bounds of an activation are bounds of stored numbers: 6 is 192 steps of 2**-5, more than 127, and
// 96 of 2**-4; -0.4 is rounded to a step, upward where it lies between two. Dilations and groups stay.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xi8, #int8.pow2<-4>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x2x4x4xf32> -> tensor<?x2x4x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = int8.constant <2x1x1x2xi8, [64, 64, 0, -64]> from <2x1x1x2xf32, [1.0, 1.0, 0.0, -1.0]> : tensor<2x1x1x2xi8, #int8.pow2<[-6, -6], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> from <2xf32, [0.0, 0.0]> : tensor<2xi32, #int8.pow2<[-12, -12], axis = 0>>
// CHECK-NEXT:    %2 = int8.conv %stored, %0, %1 dilations [1, 2] group 2 : tensor<?x2x4x4xi8, #int8.pow2<-6>>, tensor<2x1x1x2xi8, #int8.pow2<[-6, -6], axis = 0>>, tensor<2xi32, #int8.pow2<[-12, -12], axis = 0>> -> tensor<?x2x4x2xi32, #int8.pow2<[-12, -12], axis = 1>>
// CHECK-NEXT:    %a = int8.requantize %2 shift [7, 7] bounds [0, 127] : tensor<?x2x4x2xi32, #int8.pow2<[-12, -12], axis = 1>> -> tensor<?x2x4x2xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %3 = int8.constant <2x1x1x2xi8, [64, 64, 0, -64]> from <2x1x1x2xf32, [1.0, 1.0, 0.0, -1.0]> : tensor<2x1x1x2xi8, #int8.pow2<[-6, -6], axis = 0>>
// CHECK-NEXT:    %4 = int8.constant <2xi32, [0, 0]> from <2xf32, [0.0, 0.0]> : tensor<2xi32, #int8.pow2<[-11, -11], axis = 0>>
// CHECK-NEXT:    %5 = int8.conv %a, %3, %4 group 2 : tensor<?x2x4x2xi8, #int8.pow2<-5>>, tensor<2x1x1x2xi8, #int8.pow2<[-6, -6], axis = 0>>, tensor<2xi32, #int8.pow2<[-11, -11], axis = 0>> -> tensor<?x2x4x1xi32, #int8.pow2<[-11, -11], axis = 1>>
// CHECK-NEXT:    %b = int8.requantize %5 shift [7, 7] bounds [-6, 96] : tensor<?x2x4x1xi32, #int8.pow2<[-11, -11], axis = 1>> -> tensor<?x2x4x1xi8, #int8.pow2<-4>>
// CHECK-NEXT:    %y = layout.reshape %b : (tensor<?x2x4x1xi8, #int8.pow2<-4>>) -> tensor<?x2x2x2xi8, #int8.pow2<-4>>
// CHECK-NEXT:    func.return %y : tensor<?x2x2x2xi8, #int8.pow2<-4>>
func.func @main(%x: tensor<?x2x4x4xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2x2x2xf32> {
  %w = graph.constant <2x1x1x2xf32, [1.0, 1.0, 0.0, -1.0]> : tensor<2x1x1x2xf32>
  %a = graph.conv %x, %w dilations [1, 2] group 2 then clip<0.0, 6.0> {int8.scale = #int8.pow2<-5>} : tensor<?x2x4x4xf32>, tensor<2x1x1x2xf32> -> tensor<?x2x4x2xf32>
  %b = graph.conv %a, %w group 2 then clip<-0.40625, 6.0> {int8.scale = #int8.pow2<-4>} : tensor<?x2x4x2xf32>, tensor<2x1x1x2xf32> -> tensor<?x2x4x1xf32>
  %y = layout.reshape %b : (tensor<?x2x4x1xf32>) -> tensor<?x2x2x2xf32>
  func.return %y : tensor<?x2x2x2xf32>
}

// -----

// What is never negative may be stored without a sign: 6 is 192 steps. A pooling, a slice and a
// concatenation have the elements and the scale of their operands.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x2x2xf32>) -> tensor<?x3x1x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %0 = int8.constant <2x2x1x1xi8, [64, 0, 0, 64]> from <2x2x1x1xf32, [1.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xi8, #int8.pow2<[-6, -6], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> from <2xf32, [0.0, 0.0]> : tensor<2xi32, #int8.pow2<[-12, -12], axis = 0>>
// CHECK-NEXT:    %2 = int8.conv %stored, %0, %1 : tensor<?x2x2x2xi8, #int8.pow2<-6>>, tensor<2x2x1x1xi8, #int8.pow2<[-6, -6], axis = 0>>, tensor<2xi32, #int8.pow2<[-12, -12], axis = 0>> -> tensor<?x2x2x2xi32, #int8.pow2<[-12, -12], axis = 1>>
// CHECK-NEXT:    %a = int8.requantize %2 shift [7, 7] bounds [0, 192] : tensor<?x2x2x2xi32, #int8.pow2<[-12, -12], axis = 1>> -> tensor<?x2x2x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %p = int8.max_pool %a kernel [2, 1] : tensor<?x2x2x2xui8, #int8.pow2<-5>> -> tensor<?x2x1x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %s = layout.slice %p from [1, 0, 0] to [2, 1, 2] step [1, 1, 1] : (tensor<?x2x1x2xui8, #int8.pow2<-5>>) -> tensor<?x1x1x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %y = layout.concat %p, %s axis 1 : (tensor<?x2x1x2xui8, #int8.pow2<-5>>, tensor<?x1x1x2xui8, #int8.pow2<-5>>) -> tensor<?x3x1x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y : tensor<?x3x1x2xui8, #int8.pow2<-5>>
func.func @main(%x: tensor<?x2x2x2xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x3x1x2xf32> {
  %w = graph.constant <2x2x1x1xf32, [1.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xf32>
  %a = graph.conv %x, %w then clip<0.0, 6.0> {int8.scale = #int8.pow2<-5>, int8.element = ui8} : tensor<?x2x2x2xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x2x2xf32>
  %p = graph.max_pool %a kernel [2, 1] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x2xf32>
  %s = layout.slice %p from [1, 0, 0] to [2, 1, 2] step [1, 1, 1] : (tensor<?x2x1x2xf32>) -> tensor<?x1x1x2xf32>
  %y = layout.concat %p, %s axis 1 : (tensor<?x2x1x2xf32>, tensor<?x1x1x2xf32>) -> tensor<?x3x1x2xf32>
  func.return %y : tensor<?x3x1x2xf32>
}

// -----

// An average inside the network has 8 bits and a scale that was chosen.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %p = int8.average_pool %stored kernel [2, 1] : tensor<?x2x2x2xi8, #int8.pow2<-6>> -> tensor<?x2x1x2xi8, #int8.pow2<-7>>
// CHECK-NEXT:    %y = int8.max_pool %p kernel [1, 2] : tensor<?x2x1x2xi8, #int8.pow2<-7>> -> tensor<?x2x1x1xi8, #int8.pow2<-7>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-7>>
func.func @main(%x: tensor<?x2x2x2xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2x1x1xf32> {
  %p = graph.average_pool %x kernel [2, 1] {int8.scale = #int8.pow2<-7>} : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x2xf32>
  %y = graph.max_pool %p kernel [1, 2] : (tensor<?x2x1x2xf32>) -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}

// -----

// One that is the network's result has 32 bits, and steps that tell all sums of its nine pixels
// apart: 2**-6 / 16.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x3x3xf32>) -> tensor<?x2xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x2x3x3xf32> -> tensor<?x2x3x3xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %p = int8.average_pool %stored kernel [3, 3] : tensor<?x2x3x3xi8, #int8.pow2<-6>> -> tensor<?x2x1x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %y = layout.reshape %p : (tensor<?x2x1x1xi32, #int8.pow2<-10>>) -> tensor<?x2xi32, #int8.pow2<-10>>
// CHECK-NEXT:    func.return %y : tensor<?x2xi32, #int8.pow2<-10>>
func.func @main(%x: tensor<?x2x3x3xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2xf32> {
  %p = graph.average_pool %x kernel [3, 3] : (tensor<?x2x3x3xf32>) -> tensor<?x2x1x1xf32>
  %y = layout.reshape %p : (tensor<?x2x1x1xf32>) -> tensor<?x2xf32>
  func.return %y : tensor<?x2xf32>
}

// -----

// Other shapes, orders and borders move stored numbers.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x2x2xf32>) -> tensor<?x3x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %stored = int8.quantize %x : tensor<?x2x2x2xf32> -> tensor<?x2x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %p = layout.pad %stored low [1, 0, 0] high [0, 0, 0] : (tensor<?x2x2x2xi8, #int8.pow2<-6>>) -> tensor<?x3x2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %t = layout.transpose %p [0, 2, 1, 3] : (tensor<?x3x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x3x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = layout.reshape %t : (tensor<?x2x3x2xi8, #int8.pow2<-6>>) -> tensor<?x3x4xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x3x4xi8, #int8.pow2<-6>>
func.func @main(%x: tensor<?x2x2x2xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x3x4xf32> {
  %p = layout.pad %x low [1, 0, 0] high [0, 0, 0] : (tensor<?x2x2x2xf32>) -> tensor<?x3x2x2xf32>
  %t = layout.transpose %p [0, 2, 1, 3] : (tensor<?x3x2x2xf32>) -> tensor<?x2x3x2xf32>
  %y = layout.reshape %t : (tensor<?x2x3x2xf32>) -> tensor<?x3x4xf32>
  func.return %y : tensor<?x3x4xf32>
}
