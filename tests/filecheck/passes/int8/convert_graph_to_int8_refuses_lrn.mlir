// RUN: not tf2c-opt %s -p convert-graph-to-int8 2>&1 | filecheck %s

// What exists in floating point only is refused with the way out.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `lrn`: local response normalization exists in floating point only
// CHECK-NEXT: hint: compile with `--leave-out lrn`, if the network is as good without
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2x1x1xf32> {
  %n = graph.lrn %x size 5 {alpha = 0.1 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> loc("lrn")
  %y = graph.max_pool %n kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
