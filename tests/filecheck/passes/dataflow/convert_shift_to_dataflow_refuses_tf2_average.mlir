// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine averages by the scales alone.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `mean`: the engine averages by the factor of the scales, this has one of its own
// CHECK-NEXT: hint: stop before the engine with `--to shift`: the interpreter runs it
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x7x7xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x7x7xf32> -> tensor<?x1x7x7xi8, #int8.pow2<-6>>
  %y = int8.average_pool %x kernel [7, 7] factor [669, 15] : tensor<?x1x7x7xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>> loc("mean")
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<-6>>
}
