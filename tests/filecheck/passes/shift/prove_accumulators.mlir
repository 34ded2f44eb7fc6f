// RUN: tf2c-opt %s -p prove-accumulators | filecheck %s
// RUN: tf2c-opt %s -p 'prove-accumulators{bits=14}' | filecheck %s
// RUN: not tf2c-opt %s -p 'prove-accumulators{bits=13}' 2>&1 | filecheck %s --check-prefix=REFUSED

// The second layer's input is rectified, in 0..127, so 64 * 127 = 8128 is the most it reaches, and 14
// bits hold it; inputs in -128..127 could reach 16320. The IR stays as it is.

// REFUSED:      error: layer `second`: channel 0 may reach -8128, which does not fit 13 bits
// REFUSED-NEXT: hint: split the layer: it sums too many products for its accumulators
// REFUSED-NOT:  {{.}}

// CHECK-LABEL: func.func @main(%x: tensor<?x2xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %w = int8.constant <2x2xi8, [1, 1, 2, -2]> : tensor<2x2xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %a = int8.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<2x2xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2xi32, #int8.pow2<-12>>
// CHECK-NEXT:    %r = int8.requantize %a shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-12>> -> tensor<?x2xi8, #int8.pow2<-4>>
// CHECK-NEXT:    %v = shift.constant <1x2xui8, [6, 14]> : tensor<1x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %c = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    %y = shift.gemm %r, %v, %c : tensor<?x2xi8, #int8.pow2<-4>>, tensor<1x2xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-10>> -> tensor<?x1xi32, #int8.pow2<-10>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi32, #int8.pow2<-10>>
func.func @main(%x: tensor<?x2xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<-10>> {
  %w = int8.constant <2x2xi8, [1, 1, 2, -2]> : tensor<2x2xi8, #int8.pow2<-6>>
  %b = int8.constant <2xi32, [0, 0]> : tensor<2xi32, #int8.pow2<-12>>
  %a = int8.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<2x2xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2xi32, #int8.pow2<-12>> loc("first")
  %r = int8.requantize %a shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-12>> -> tensor<?x2xi8, #int8.pow2<-4>>
  %v = shift.constant <1x2xui8, [6, 14]> : tensor<1x2xi4, #shift.code<-6>>
  %c = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-10>>
  %y = shift.gemm %r, %v, %c : tensor<?x2xi8, #int8.pow2<-4>>, tensor<1x2xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-10>> -> tensor<?x1xi32, #int8.pow2<-10>> loc("second")
  func.return %y : tensor<?x1xi32, #int8.pow2<-10>>
}
