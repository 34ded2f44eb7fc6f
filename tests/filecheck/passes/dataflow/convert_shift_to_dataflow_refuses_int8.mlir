// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine cannot multiply.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `fc`: the engine's lanes shift, they do not multiply by int8 weights
// CHECK-NEXT: hint: compile with `--weights shift1`, or stop before the engine with `--to int8`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1xf32>) -> tensor<?x1xi32, #int8.pow2<-12>> {
  %x = int8.quantize %f : tensor<?x1xf32> -> tensor<?x1xi8, #int8.pow2<-6>>
  %w = int8.constant <1x1xi8, [3]> : tensor<1x1xi8, #int8.pow2<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %y = int8.gemm %x, %w, %b : tensor<?x1xi8, #int8.pow2<-6>>, tensor<1x1xi8, #int8.pow2<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>> loc("fc")
  func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
}
