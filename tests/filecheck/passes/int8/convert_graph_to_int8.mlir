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

// Pooling and flattening keep the scale of what they are given. The last layer keeps its sums.
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
