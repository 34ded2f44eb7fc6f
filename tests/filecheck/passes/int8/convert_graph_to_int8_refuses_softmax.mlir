// RUN: not tf2c-opt %s -p convert-graph-to-int8 2>&1 | filecheck %s

// What exists in floating point only is refused with the way out.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `softmax`: a softmax inside the network exists in floating point only
// CHECK-NEXT: hint: cut the network in front of it with `--outputs`
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x2x1x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x2x1x1xf32> {
  %n = graph.softmax %x axis 1 : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> loc("softmax")
  %y = graph.max_pool %n kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
