// RUN: not tf2c-opt %s -p convert-int8-to-shift 2>&1 | filecheck %s

// Only signed powers of two and sums of two of them have a code.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `fc`: expected 0 or a sum of two up to 96, got 11
// CHECK-NEXT: hint: run `round-weights-to-pow2` first
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2xi8, #int8.pow2<-6>>) -> tensor<?x1xi32, #int8.pow2<-12>> {
  %w = int8.constant <1x2xi8, [64, 11]> : tensor<1x2xi8, #int8.pow2<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %y = int8.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<1x2xi8, #int8.pow2<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>> loc("fc")
  func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
}
