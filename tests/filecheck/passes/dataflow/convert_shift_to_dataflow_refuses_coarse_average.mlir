// RUN: not tf2c-opt %s -p convert-shift-to-dataflow 2>&1 | filecheck %s

// An average into absurd steps has no job.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `mean`: expected an average that a multiplier of 26 bits can divide
// CHECK-NEXT: hint: store its result in coarser steps: calibrate with other images
// CHECK-NOT:  {{.}}
func.func @main(%f: tensor<?x1x8x8xf32>) -> tensor<?x1x1x1xi8, #int8.pow2<4>> {
  %x = int8.quantize %f : tensor<?x1x8x8xf32> -> tensor<?x1x8x8xi8, #int8.pow2<-6>>
  %y = int8.average_pool %x kernel [8, 8] : tensor<?x1x8x8xi8, #int8.pow2<-6>> -> tensor<?x1x1x1xi8, #int8.pow2<4>> loc("mean")
  func.return %y : tensor<?x1x1x1xi8, #int8.pow2<4>>
}
