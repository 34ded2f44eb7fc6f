// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// A program has one result.

// CHECK-NOT:  Traceback
// CHECK:      error: expected a network with one result, got 2
// CHECK-NEXT: hint: choose one with `--outputs`, or stop before the engine with `--to shift`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x2x2xf32>) -> (tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<?x1x1x1xi8, #int8.pow2<-6>>) {
  %x = int8.quantize %f : tensor<?x1x2x2xf32> -> tensor<?x1x2x2xi8, #int8.pow2<-6>>
  %y = int8.max_pool %x kernel [2, 2] : tensor<?x1x2x2xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<-6>>
  func.return %x, %y : tensor<?x1x2x2xi8, #int8.pow2<-6>>, tensor<?x1x1x1xi8, #int8.pow2<-6>>
}
