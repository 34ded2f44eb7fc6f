// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// Windows of different counts of pixels have no one multiplier.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `mean`: the engine averages windows of equally many real pixels only, these have 4 to 9
// CHECK-NEXT: hint: export the network with `count_include_pad`, or stop with `--to shift`
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xi8, #int8.pow2<-6>> {
  %x = int8.quantize %f : tensor<?x1x4x4xf32> -> tensor<?x1x4x4xi8, #int8.pow2<-6>>
  %y = int8.average_pool %x kernel [3, 3] pads [1, 1, 1, 1] : tensor<?x1x4x4xi8, #int8.pow2<-6>> -> tensor<?x1x4x4xi8, #int8.pow2<-6>> loc("mean")
  func.return %y : tensor<?x1x4x4xi8, #int8.pow2<-6>>
}
