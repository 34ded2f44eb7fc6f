// RUN: tf2c-opt %s --split-input-file -p convert-int8-to-shift | filecheck %s

// A weight of ±2**m gets the code m, with 8 for the sign, and zero the code 7. Exponents, strides and
// pads stay; so does what does not multiply. Nothing rounds any more, so origins are dropped.
// CHECK-LABEL: func.func @main(%x: tensor<?x1x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x1x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %b = int8.constant <2xi32, [64, -7]> : tensor<2xi32, #int8.pow2<[-12, -11], axis = 0>>
// CHECK-NEXT:    %0 = shift.constant <2x1x2x1xui8, [6, 9, 0, 7]> : tensor<2x1x2x1xi4, #shift.code<[-6, -5], axis = 0>>
// CHECK-NEXT:    %a = shift.conv %x, %0, %b strides [2, 2] pads [1, 0, 0, 0] : tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<2x1x2x1xi4, #shift.code<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-12, -11], axis = 0>> -> tensor<?x2x1x1xi32, #int8.pow2<[-12, -11], axis = 1>>
// CHECK-NEXT:    %y = int8.requantize %a shift [7, 6] bounds [0, 127] : tensor<?x2x1x1xi32, #int8.pow2<[-12, -11], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-5>>
func.func @main(%x: tensor<?x1x2x2xi8, #int8.pow2<-6>>) -> tensor<?x2x1x1xi8, #int8.pow2<-5>> {
  %w = int8.constant <2x1x2x1xi8, [64, -2, 1, 0]> from <2x1x2x1xf32, [1.1, -0.03, 0.03, 0.001]> : tensor<2x1x2x1xi8, #int8.pow2<[-6, -5], axis = 0>>
  %b = int8.constant <2xi32, [64, -7]> from <2xf32, [0.015, -0.003]> : tensor<2xi32, #int8.pow2<[-12, -11], axis = 0>>
  %a = int8.conv %x, %w, %b strides [2, 2] pads [1, 0, 0, 0] : tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<2x1x2x1xi8, #int8.pow2<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-12, -11], axis = 0>> -> tensor<?x2x1x1xi32, #int8.pow2<[-12, -11], axis = 1>>
  %y = int8.requantize %a shift [7, 6] bounds [0, 127] : tensor<?x2x1x1xi32, #int8.pow2<[-12, -11], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<-5>>
  func.return %y : tensor<?x2x1x1xi8, #int8.pow2<-5>>
}

// -----

// A fully connected layer; without layers, nothing changes.
// CHECK-LABEL: func.func @main(%x: tensor<?x2xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %b = int8.constant <1xi32, [64]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %0 = shift.constant <1x2xui8, [14, 7]> : tensor<1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %y = shift.gemm %x, %0, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<1x2xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
func.func @main(%x: tensor<?x2xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<-12>> {
  %w = int8.constant <1x2xi8, [-64, 0]> : tensor<1x2xi8, #int8.pow2<-6>>
  %b = int8.constant <1xi32, [64]> : tensor<1xi32, #int8.pow2<-12>>
  %y = int8.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<1x2xi8, #int8.pow2<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>>
  func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
}

// CHECK-LABEL: func.func @no_layer(%x: tensor<?x2x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %y = layout.reshape %x : (tensor<?x2x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    func.return %y : tensor<?x2xi8, #int8.pow2<-6>>
func.func @no_layer(%x: tensor<?x2x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>> {
  %y = layout.reshape %x : (tensor<?x2x1x1xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
  func.return %y : tensor<?x2xi8, #int8.pow2<-6>>
}

// -----

// One weight of two terms, 3 = 2 + 1, makes all of its layer two: 64 is 64 and nothing, 0 is nothing twice.
// Dilations, groups and unsigned inputs stay.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x3x3xui8, #int8.pow2<-6>>) -> tensor<?x2x1x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %0 = shift.constant <2x1x2x2xui8, [118, 1, 119, 222, 112, 131, 138, 113]> : tensor<2x1x2x2xi8, #shift.code<-6>>
// CHECK-NEXT:    %y = shift.conv %x, %0, %b dilations [2, 2] group 2 : tensor<?x2x3x3xui8, #int8.pow2<-6>>, tensor<2x1x2x2xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xi32, #int8.pow2<-12>>
func.func @main(%x: tensor<?x2x3x3xui8, #int8.pow2<-6>>) -> tensor<?x2x1x1xi32, #int8.pow2<-12>> {
  %w = int8.constant <2x1x2x2xi8, [64, 3, 0, -96, 1, 7, -5, 2]> : tensor<2x1x2x2xi8, #int8.pow2<-6>>
  %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
  %y = int8.conv %x, %w, %b dilations [2, 2] group 2 : tensor<?x2x3x3xui8, #int8.pow2<-6>>, tensor<2x1x2x2xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x1x1xi32, #int8.pow2<-12>>
  func.return %y : tensor<?x2x1x1xi32, #int8.pow2<-12>>
}
