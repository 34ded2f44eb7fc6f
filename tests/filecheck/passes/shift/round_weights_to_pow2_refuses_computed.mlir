// RUN: not tf2c-opt %s -p round-weights-to-pow2 2>&1 | filecheck %s

// Weights that the network computes are not known when it is compiled.

// CHECK-NOT:  Traceback
// CHECK:      error: layer `fc`: expected constant weights and biases
// CHECK-NOT:  {{.}}
func.func @main(%x: tensor<?x1xi8, #int8.pow2<-6>>, %w: tensor<1x1xi8, #int8.pow2<-6>>, %b: tensor<1xi32, #int8.pow2<-12>>) -> tensor<?x1xi32, #int8.pow2<-12>> {
  %y = int8.gemm %x, %w, %b : tensor<?x1xi8, #int8.pow2<-6>>, tensor<1x1xi8, #int8.pow2<-6>>, tensor<1xi32, #int8.pow2<-12>> -> tensor<?x1xi32, #int8.pow2<-12>> loc("fc")
  func.return %y : tensor<?x1xi32, #int8.pow2<-12>>
}
