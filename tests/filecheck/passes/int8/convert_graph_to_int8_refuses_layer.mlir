// RUN: not tf2c-opt %s -p convert-graph-to-int8 2>&1 | filecheck %s

// A layer whose result is stored needs a scale, even where the input has one.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `fc`: expected a chosen scale, got none
// CHECK-NEXT: hint: run `choose-scales` first
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x1xf32> {int8.scale = #int8.pow2<-6>}) -> tensor<?x1xf32> {
  %w = graph.constant <1x1xf32, [2.0]> : tensor<1x1xf32>
  %y = graph.gemm %x, %w then relu : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32> loc("fc")
  func.return %y : tensor<?x1xf32>
}
