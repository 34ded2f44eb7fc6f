// RUN: not tf2c-opt %s -p 'convert-shift-to-dataflow{weight_depth=1}' 2>&1 | filecheck %s --check-prefix=DEPTH
// RUN: not tf2c-opt %s -p 'convert-shift-to-dataflow{channel_vector=3}' 2>&1 | filecheck %s --check-prefix=VECTOR

// An engine has its limits, and not every size makes one.

// DEPTH-NOT:  Traceback
// DEPTH:      error: layer `fc`: expected at most 1 weight words per filter tile, got 2
// DEPTH-NEXT: hint: compile for a larger engine (`--engine`), or split the layer
// DEPTH-NOT:  {{.}}

// VECTOR-NOT: Traceback
// VECTOR:     error: expected `channel_vector` of 2, 4, 8, 16, got 3
// VECTOR-NOT: {{.}}

func.func @main(%f: tensor<?x1x1x2xf32>) -> tensor<?x1xi32, #int8.pow2<-12>> {
  %x = int8.quantize %f : tensor<?x1x1x2xf32> -> tensor<?x1x1x2xi8, #int8.pow2<-6>>
  %r = layout.reshape %x : (tensor<?x1x1x2xi8, #int8.pow2<-6>>) -> tensor<?x2xi8, #int8.pow2<-6>>
  %w = shift.constant <1x2xui8, [6, 3]> : tensor<1x2xi4, #shift.code<-6>>
  %b = int8.constant <1xi32, [0]> : tensor<1xi32, #int8.pow2<-12>>
  %y = shift.gemm %r, %w, %b : tensor<?x2xi8, #int8.pow2<-6>>, tensor<1x2xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>> loc("fc")
  func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
}
