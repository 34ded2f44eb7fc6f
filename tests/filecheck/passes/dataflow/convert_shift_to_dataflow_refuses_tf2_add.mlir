// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// The engine adds in front of requantization only.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `sum`: the engine adds a residual to accumulators, not two stored tensors
// CHECK-NEXT: hint: stop before the engine with `--to shift`: the interpreter runs it
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %y = int8.add %x, %x bounds [-128, 127] : tensor<?x1x4x4xi8, #int8.pow2<-6>>, tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>> loc("sum")
  func.return %y : tensor<?x1x4x4xi8, #int8.pow2<-6>>
}
