// RUN: tf2c-opt %s --split-input-file -p round-weights-to-pow2 | filecheck %s

// 100, 3 and -30 steps of 2**-7 become 64, 2 and -16 of 2**-6. The bias is rounded to the new
// steps, and the shift shrinks by what the steps have grown: the requantized result means the same.
// CHECK-LABEL: func.func @main(%x: tensor<?x3xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %0 = int8.constant <1x3xi8, [64, 2, -16]> : tensor<1x3xi8, #int8.pow2<[-6], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [18]> from <1xf32, [0.004272461]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %a = int8.gemm %x, %0, %1 : tensor<?x3xi8, #int8.pow2<-6>>, tensor<1x3xi8, #int8.pow2<[-6], axis = 0>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = int8.requantize %a shift [7] bounds [-128, 127] : tensor<?x1xi32, #int8.pow2<-12>> -> tensor<?x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi8, #int8.pow2<-5>>
func.func @main(%x: tensor<?x3xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-5>> {
  %w = int8.constant <1x3xi8, [100, 3, -30]> : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
  %b = int8.constant <1xi32, [35]> : tensor<1xi32, #int8.pow2<-13>>
  %a = int8.gemm %x, %w, %b : tensor<?x3xi8, #int8.pow2<-6>>, tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>, tensor<1xi32, #int8.pow2<-13>> -> tensor<?x1xi32, #int8.pow2<-13>>
  %y = int8.requantize %a shift [8] bounds [-128, 127] : tensor<?x1xi32, #int8.pow2<-13>> -> tensor<?x1xi8, #int8.pow2<-5>>
  func.return %y : tensor<?x1xi8, #int8.pow2<-5>>
}

// -----

// Rounding starts from the origin: 0.76 is nearer to 1.0, though its int8 rounding, 0.75, is halfway.
// CHECK-LABEL: func.func @main(%x: tensor<?x1xi8, #int8.pow2<0>>) -> tensor<?x2xi32, #int8.pow2<[-6, -7], axis = 1>>
// CHECK-NEXT:    %0 = int8.constant <2x1xi8, [64, 64]> from <2x1xf32, [0.76, 0.74]> : tensor<2x1xi8, #int8.pow2<[-6, -7], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <2xi32, [0, 0]> from <2xf32, [0.0, 0.0]> : tensor<2xi32, #int8.pow2<[-6, -7], axis = 0>>
// CHECK-NEXT:    %y = int8.gemm %x, %0, %1 : tensor<?x1xi8, #int8.pow2<0>>, tensor<2x1xi8, #int8.pow2<[-6, -7], axis = 0>>, tensor<2xi32, #int8.pow2<[-6, -7], axis = 0>> -> tensor<?x2xi32, #int8.pow2<[-6, -7], axis = 1>>
// CHECK-NEXT:    func.return %y : tensor<?x2xi32, #int8.pow2<[-6, -7], axis = 1>>
func.func @main(%x: tensor<?x1xi8, #int8.pow2<0>>) -> tensor<?x2xi32, #int8.pow2<-2>> {
  %w = int8.constant <2x1xi8, [3, 3]> from <2x1xf32, [0.76, 0.74]> : tensor<2x1xi8, #int8.pow2<-2>>
  %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-2>>
  %y = int8.gemm %x, %w, %b : tensor<?x1xi8, #int8.pow2<0>>, tensor<2x1xi8, #int8.pow2<-2>>, tensor<2xi32, #int8.pow2<-2>> -> tensor<?x2xi32, #int8.pow2<-2>>
  func.return %y : tensor<?x2xi32, #int8.pow2<-2>>
}

// -----

// Weights that are powers of two within the window stay.
// CHECK-LABEL: func.func @main(%x: tensor<?x4xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %0 = int8.constant <1x4xi8, [64, -1, 0, 8]> : tensor<1x4xi8, #int8.pow2<[-6], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [35]> from <1xf32, [0.008544922]> : tensor<1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %y = int8.gemm %x, %0, %1 : tensor<?x4xi8, #int8.pow2<-6>>, tensor<1x4xi8, #int8.pow2<[-6], axis = 0>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
func.func @main(%x: tensor<?x4xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<[-12], axis = 1>> {
  %w = int8.constant <1x4xi8, [64, -1, 0, 8]> : tensor<1x4xi8, #int8.pow2<[-6], axis = 0>>
  %b = int8.constant <1xi32, [35]> : tensor<1xi32, #int8.pow2<[-12], axis = 0>>
  %y = int8.gemm %x, %w, %b : tensor<?x4xi8, #int8.pow2<-6>>, tensor<1x4xi8, #int8.pow2<[-6], axis = 0>>, tensor<1xi32, #int8.pow2<[-12], axis = 0>> -> tensor<?x1xi32, #int8.pow2<[-12], axis = 1>>
  func.return %y : tensor<?x1xi32, #int8.pow2<[-12], axis = 1>>
}
