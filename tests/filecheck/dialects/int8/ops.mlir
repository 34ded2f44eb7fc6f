// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s

// Every op round-trips in both formats; scales are per tensor or per channel.

// CHECK-LABEL: func.func @constant
// CHECK-NEXT:    %b = int8.constant <2xi32, [64, -7]> : tensor<2xi32, #int8.pow2<-9>>
// CHECK-NEXT:    %w = int8.constant <2x1xi8, [64, -7]> from <2x1xf32, [1.01, -0.22]> : tensor<2x1xi8, #int8.pow2<[-6, -5], axis = 0>>
func.func @constant() {
  %b = int8.constant <2xi32, [64, -7]> : tensor<2xi32, #int8.pow2<-9>>
  %w = int8.constant <2x1xi8, [64, -7]> from <2x1xf32, [1.01, -0.22]> : tensor<2x1xi8, #int8.pow2<[-6, -5], axis = 0>>
  func.return
}

// CHECK-LABEL: func.func @quantize
// CHECK-NEXT:    %q = int8.quantize %x : tensor<?x1x8x8xf32> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
func.func @quantize(%x: tensor<?x1x8x8xf32>) {
  %q = int8.quantize %x : tensor<?x1x8x8xf32> -> tensor<?x1x8x8xi8, #int8.pow2<-7>>
  func.return
}

// CHECK-LABEL: func.func @conv
// CHECK-NEXT:    %plain = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %grouped = int8.conv %u, %g, %b dilations [1, 2] group 2 : tensor<?x4x8x8xui8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x4xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %full = int8.conv %x, %v, %c strides [2, 2] pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>> -> tensor<?x2x4x4xi32, #int8.pow2<[-13, -12], axis = 1>>
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %v: tensor<2x1x3x3xi8, #int8.pow2<[-6, -5], axis = 0>>, %c: tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>>, %u: tensor<?x4x8x8xui8, #int8.pow2<-7>>, %g: tensor<2x2x3x3xi8, #int8.pow2<-6>>) {
  %plain = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  %grouped = int8.conv %u, %g, %b dilations [1, 2] group 2 : tensor<?x4x8x8xui8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x4xi32, #int8.pow2<-13>>
  %full = int8.conv %x, %v, %c strides [2, 2] pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>> -> tensor<?x2x4x4xi32, #int8.pow2<[-13, -12], axis = 1>>
  func.return
}

// CHECK-LABEL: func.func @gemm
// CHECK-NEXT:    %a = int8.gemm %x, %w, %b : tensor<?x3xi8, #int8.pow2<-7>>, tensor<2x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2xi32, #int8.pow2<-13>>
func.func @gemm(%x: tensor<?x3xi8, #int8.pow2<-7>>, %w: tensor<2x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %a = int8.gemm %x, %w, %b : tensor<?x3xi8, #int8.pow2<-7>>, tensor<2x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// CHECK-LABEL: func.func @requantize
// CHECK-NEXT:    %plain = int8.requantize %a shift [8] bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %unsigned = int8.requantize %a residual %u : tensor<?x2xui8, #int8.pow2<-5>> shift [8] bounds [0, 255] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xui8, #int8.pow2<-5>>
// CHECK-NEXT:    %full = int8.requantize %c residual %r : tensor<?x2xi8, #int8.pow2<-5>> multiplier [1, 3] shift [8, 7] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<[-13, -12], axis = 1>> -> tensor<?x2xi8, #int8.pow2<-5>>
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>, %c: tensor<?x2xi32, #int8.pow2<[-13, -12], axis = 1>>, %r: tensor<?x2xi8, #int8.pow2<-5>>, %u: tensor<?x2xui8, #int8.pow2<-5>>) {
  %plain = int8.requantize %a shift [8] bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  %unsigned = int8.requantize %a residual %u : tensor<?x2xui8, #int8.pow2<-5>> shift [8] bounds [0, 255] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xui8, #int8.pow2<-5>>
  %full = int8.requantize %c residual %r : tensor<?x2xi8, #int8.pow2<-5>> multiplier [1, 3] shift [8, 7] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<[-13, -12], axis = 1>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @max_pool
// CHECK-NEXT:    %plain = int8.max_pool %x kernel [2, 2] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x7x7xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %full = int8.max_pool %x kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x4x4xi8, #int8.pow2<-5>>
func.func @max_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %plain = int8.max_pool %x kernel [2, 2] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x7x7xi8, #int8.pow2<-5>>
  %full = int8.max_pool %x kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x4x4xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @average_pool
// CHECK-NEXT:    %narrow = int8.average_pool %x kernel [8, 8] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-6>>
// CHECK-NEXT:    %wide = int8.average_pool %u kernel [8, 8] : tensor<?x4x8x8xui8, #int8.pow2<-5>> -> tensor<?x4x1x1xi32, #int8.pow2<-11>>
// CHECK-NEXT:    %full = int8.average_pool %u kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0] : tensor<?x4x8x8xui8, #int8.pow2<-5>> -> tensor<?x4x4x4xui8, #int8.pow2<-5>>
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %u: tensor<?x4x8x8xui8, #int8.pow2<-5>>) {
  %narrow = int8.average_pool %x kernel [8, 8] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-6>>
  %wide = int8.average_pool %u kernel [8, 8] : tensor<?x4x8x8xui8, #int8.pow2<-5>> -> tensor<?x4x1x1xi32, #int8.pow2<-11>>
  %full = int8.average_pool %u kernel [3, 3] strides [2, 2] pads [1, 1, 0, 0] : tensor<?x4x8x8xui8, #int8.pow2<-5>> -> tensor<?x4x4x4xui8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @tf2_pools
// CHECK-NEXT:    %max = int8.max_pool %x kernel [3, 3] strides [2, 2] pads [1, 1, 4, 4] zero_padded : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x6x6xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %ceil = int8.max_pool %c kernel [3, 3] zero_padded : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x5x5xi8, #int8.pow2<[-5, -4], axis = 1>>
// CHECK-NEXT:    %mean = int8.average_pool %c kernel [7, 7] factor [669, 15] : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<[-5, -4], axis = 1>>
func.func @tf2_pools(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %c: tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>) {
  %max = int8.max_pool %x kernel [3, 3] strides [2, 2] pads [1, 1, 4, 4] zero_padded : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x6x6xi8, #int8.pow2<-5>>
  %ceil = int8.max_pool %c kernel [3, 3] zero_padded : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x5x5xi8, #int8.pow2<[-5, -4], axis = 1>>
  %mean = int8.average_pool %c kernel [7, 7] factor [669, 15] : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<[-5, -4], axis = 1>>
  func.return
}

// CHECK-LABEL: func.func @add
// CHECK-NEXT:    %plain = int8.add %x, %x bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %channels = int8.add %c, %c round 1 bounds [0, 127] : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>, tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x7x7xi8, #int8.pow2<[-4, -3], axis = 1>>
// CHECK-NEXT:    %full = int8.add %x, %u shifts [0, 2] round 3 bounds [0, 255] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xui8, #int8.pow2<-3>> -> tensor<?x4x8x8xui8, #int8.pow2<-2>>
func.func @add(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %c: tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>, %u: tensor<?x4x8x8xui8, #int8.pow2<-3>>) {
  %plain = int8.add %x, %x bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  %channels = int8.add %c, %c round 1 bounds [0, 127] : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>, tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x7x7xi8, #int8.pow2<[-4, -3], axis = 1>>
  %full = int8.add %x, %u shifts [0, 2] round 3 bounds [0, 255] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xui8, #int8.pow2<-3>> -> tensor<?x4x8x8xui8, #int8.pow2<-2>>
  func.return
}
