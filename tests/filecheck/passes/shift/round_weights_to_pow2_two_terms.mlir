// RUN: tf2c-opt %s -p 'round-weights-to-pow2{terms=2}' | filecheck %s
// RUN: not tf2c-opt %s -p 'round-weights-to-pow2{terms=3}' 2>&1 | filecheck %s --check-prefix=THREE

// With two terms, levels are 96, 80, 72, .. and down to 1: 90, 3 and -30 steps of 2**-7 become 96, 3 and
// -30, which is -32 + 2. The steps stay, and so does the shift.

// THREE-NOT: Traceback
// THREE:     error: expected 1 or 2 terms per weight, got 3
// THREE-NOT: {{.}}

// CHECK-LABEL: func.func @main(%x: tensor<?x3xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %0 = int8.constant <1x3xi8, [96, 3, -30]> : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
// CHECK-NEXT:    %1 = int8.constant <1xi32, [35]> from <1xf32, [0.004272461]> : tensor<1xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %a = int8.gemm %x, %0, %1 : tensor<?x3xi8, #int8.pow2<-6>>, tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>, tensor<1xi32, #int8.pow2<-13>> -> tensor<?x1xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %y = int8.requantize %a shift [8] bounds [-128, 127] : tensor<?x1xi32, #int8.pow2<-13>> -> tensor<?x1xi8, #int8.pow2<-5>>
// CHECK-NEXT:    func.return %y : tensor<?x1xi8, #int8.pow2<-5>>
func.func @main(%x: tensor<?x3xi8, #int8.pow2<-6>>) -> tensor<?x1xi8, #int8.pow2<-5>> {
  %w = int8.constant <1x3xi8, [90, 3, -30]> : tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>
  %b = int8.constant <1xi32, [35]> : tensor<1xi32, #int8.pow2<-13>>
  %a = int8.gemm %x, %w, %b : tensor<?x3xi8, #int8.pow2<-6>>, tensor<1x3xi8, #int8.pow2<[-7], axis = 0>>, tensor<1xi32, #int8.pow2<-13>> -> tensor<?x1xi32, #int8.pow2<-13>>
  %y = int8.requantize %a shift [8] bounds [-128, 127] : tensor<?x1xi32, #int8.pow2<-13>> -> tensor<?x1xi8, #int8.pow2<-5>>
  func.return %y : tensor<?x1xi8, #int8.pow2<-5>>
}
