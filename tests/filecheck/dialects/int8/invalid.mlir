// RUN: tf2c-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// One broken constraint per chunk, named by its op and label.

// int8.constant C1: the blob has the result's type
// CHECK: expected a blob of int32 (2,), got int8 (2,)
func.func @constant() {
  %c = int8.constant <2xi8, [1, 2]> : tensor<2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.constant C1: the blob has the result's shape
// CHECK: expected a blob of int8 (2, 1), got int8 (2,)
func.func @constant() {
  %c = int8.constant <2xi8, [1, 2]> : tensor<2x1xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.constant C1: the origin has the result's shape
// CHECK: expected a blob of float32 (2,), got float32 (1,)
func.func @constant() {
  %c = int8.constant <2xi8, [1, 2]> from <1xf32, [1.0]> : tensor<2xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.constant C2: one exponent per index along the axis
// CHECK: expected 2 exponents, got 3
func.func @constant() {
  %c = int8.constant <2xi8, [1, 2]> : tensor<2xi8, #int8.pow2<[-7, -6, -5], axis = 0>>
  func.return
}

// -----

// int8.constant C2: an axis of the tensor
// CHECK: expected an axis of 1 dimensions, got 1
func.func @constant() {
  %c = int8.constant <2xi8, [1, 2]> : tensor<2xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// int8.quantize C1: the input's shape
// CHECK: expected a result of shape ?x2, got ?x3
func.func @quantize(%x: tensor<?x2xf32>) {
  %y = int8.quantize %x : tensor<?x2xf32> -> tensor<?x3xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.quantize C1: the whole tensor's scale
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @quantize(%x: tensor<?x2xf32>) {
  %y = int8.quantize %x : tensor<?x2xf32> -> tensor<?x2xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// int8.conv C1: a weight for the image's channels
// CHECK: expected a weight for 1 channels, got 3
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x3x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x3x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: a dynamic batch
// CHECK: expected an image with a dynamic batch and 3 known extents, got 1x1x8x8
func.func @conv(%x: tensor<1x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<1x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: positive strides
// CHECK: expected two `strides` >= 1, got [1, 0]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b strides [1, 0] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: four pads that are not negative
// CHECK: expected four `pads` >= 0, got [0, 0, 0, -1]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b pads [0, 0, 0, -1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: the result's extents
// CHECK: expected a result of shape ?x2x6x6, got ?x2x8x8
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x8x8xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C2: a bias per filter
// CHECK: expected a bias of shape 2, got 1
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<1xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<1xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C2: the bias's exponents
// CHECK: expected a bias with exponents [-13], got [-12]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-12>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C2: the result's exponents
// CHECK: expected a result with exponents [-13], got [-14]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-14>>
  func.return
}

// -----

// int8.conv C2: exponents per filter if the weight has them
// CHECK: expected a bias with exponents [-13, -12], got [-13]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<[-6, -5], axis = 0>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C2: one exponent of the input
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<[-7], axis = 1>>, %w: tensor<2x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<[-7], axis = 1>>, tensor<2x1x3x3xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C2: exponents of the weight on its filters' axis
// CHECK: expected exponents on axis 0, got axis 1
func.func @conv(%x: tensor<?x2x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x2x3x3xi8, #int8.pow2<[-6, -6], axis = 1>>, %b: tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>>) {
  %y = int8.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #int8.pow2<[-6, -6], axis = 1>>, tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>> -> tensor<?x2x6x6xi32, #int8.pow2<[-13, -13], axis = 1>>
  func.return
}

// -----

// int8.conv C2: exponents of the result on its channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @conv(%x: tensor<?x1x4x4xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi8, #int8.pow2<[-6, -6], axis = 0>>, %b: tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>>) {
  %y = int8.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi8, #int8.pow2<[-6, -6], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>> -> tensor<?x2x2x2xi32, #int8.pow2<[-13, -13], axis = 2>>
  func.return
}

// -----

// int8.gemm C1: a weight for the inputs
// CHECK: expected a weight for 6 inputs, got 5
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x5xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x5xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.gemm C1: the result's extents
// CHECK: expected a result of shape ?x2, got ?x3
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x6xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = int8.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x6xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x3xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.gemm C2: the bias's exponents
// CHECK: expected a bias with exponents [-13], got [-7]
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x6xi8, #int8.pow2<-6>>, %b: tensor<2xi32, #int8.pow2<-7>>) {
  %y = int8.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x6xi8, #int8.pow2<-6>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.gemm C2: the result's exponents
// CHECK: expected a result with exponents [-13, -12], got [-13]
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x6xi8, #int8.pow2<[-6, -5], axis = 0>>, %b: tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>>) {
  %y = int8.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x6xi8, #int8.pow2<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.requantize C1: a result of the input's shape
// CHECK: expected a result of shape ?x2, got ?x3
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x3xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C1: a residual of the input's shape
// CHECK: expected a residual of shape ?x2, got ?x3
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>, %r: tensor<?x3xi8, #int8.pow2<-5>>) {
  %y = int8.requantize %a residual %r : tensor<?x3xi8, #int8.pow2<-5>> shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: one multiplier, or one per channel
// CHECK: expected 1 or 2 of `multiplier`, got 3
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a multiplier [3, 3, 3] shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: a multiplier from 1
// CHECK: expected `multiplier` in 1..65535, got 0..0
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a multiplier [0] shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: a multiplier of 16 bits
// CHECK: expected `multiplier` in 1..65535, got 65536..65536
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a multiplier [65536] shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: one shift, or one per channel
// CHECK: expected 1 or 2 of `shift`, got 0
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: a shift to the right
// CHECK: expected `shift` in 0..30, got -1..8
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8, -1] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: a shift up to 30
// CHECK: expected `shift` in 0..30, got 31..31
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [31] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C2: one exponent of the result
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<[-5, -5], axis = 1>>
  func.return
}

// -----

// int8.requantize C2: exponents of the input on its channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @requantize(%a: tensor<?x2x3xi32, #int8.pow2<[-13, -13, -13], axis = 2>>) {
  %y = int8.requantize %a shift [8, 8] bounds [0, 127] : tensor<?x2x3xi32, #int8.pow2<[-13, -13, -13], axis = 2>> -> tensor<?x2x3xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C1: channels
// CHECK: expected accumulators with a dynamic batch
func.func @requantize(%a: tensor<?xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [0, 127] : tensor<?xi32, #int8.pow2<-13>> -> tensor<?xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C3: the difference of the exponents as a pure shift
// CHECK: expected `shift` [8] with multiplier 1, got [7]
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [7] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C4: M below 2**31
// CHECK: expected M < 2147483648, got 2147483648
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a multiplier [2] shift [0] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C5: a residual shift from 0
// CHECK: expected a residual shift in 0..48, got -1
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>, %r: tensor<?x2xi8, #int8.pow2<-36>>) {
  %y = int8.requantize %a residual %r : tensor<?x2xi8, #int8.pow2<-36>> shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C5: a residual shift up to 48
// CHECK: expected a residual shift in 0..48, got 49
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>, %r: tensor<?x2xi8, #int8.pow2<14>>) {
  %y = int8.requantize %a residual %r : tensor<?x2xi8, #int8.pow2<14>> shift [8] bounds [0, 127] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C6: bounds in order
// CHECK: expected two ordered i8 `bounds`, got [1, 0]
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [1, 0] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C6: bounds in int8
// CHECK: expected two ordered i8 `bounds`, got [0, 128]
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [0, 128] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C6: two bounds
// CHECK: expected two ordered i8 `bounds`, got [0]
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [0] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.max_pool C1: the result's extents
// CHECK: expected a result of shape ?x4x4x4, got ?x4x8x8
func.func @max_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.max_pool %x kernel [2, 2] strides [2, 2] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x8x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.max_pool C1: pads smaller than the kernel
// CHECK: expected `pads` smaller than the kernel [2, 2], got [2, 0, 0, 0]
func.func @max_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.max_pool %x kernel [2, 2] pads [2, 0, 0, 0] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.max_pool C2: the input's scale
// CHECK: expected scale #int8.pow2<-7>, got #int8.pow2<-6>
func.func @max_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.max_pool %x kernel [2, 2] strides [2, 2] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x4x4xi8, #int8.pow2<-6>>
  func.return
}

// -----

// int8.conv C1: a group that divides the channels
// CHECK: expected `group` to divide 4 channels and 6 filters, got 3
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x1x3x3xi8, #int8.pow2<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b group 3 : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x1x3x3xi8, #int8.pow2<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: a weight for the channels of a group
// CHECK: expected a weight for 2 channels, got 4
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x3x3xi8, #int8.pow2<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b group 2 : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x3x3xi8, #int8.pow2<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: positive dilations
// CHECK: expected two `dilations` >= 1, got [1, 0]
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x3x3xi8, #int8.pow2<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b dilations [1, 0] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x3x3xi8, #int8.pow2<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.conv C1: the result's extents with dilations
// CHECK: expected a result of shape ?x6x6x4, got ?x6x6x6
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x3x3xi8, #int8.pow2<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = int8.conv %x, %w, %b dilations [1, 2] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x3x3xi8, #int8.pow2<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// int8.requantize C6: bounds of unsigned numbers
// CHECK: expected two ordered ui8 `bounds`, got [-1, 255]
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [-1, 255] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xui8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.requantize C6: bounds in ui8
// CHECK: expected two ordered ui8 `bounds`, got [0, 256]
func.func @requantize(%a: tensor<?x2xi32, #int8.pow2<-13>>) {
  %y = int8.requantize %a shift [8] bounds [0, 256] : tensor<?x2xi32, #int8.pow2<-13>> -> tensor<?x2xui8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.max_pool C2: the input's element type
// CHECK: expected elements ui8, got i8
func.func @max_pool(%x: tensor<?x4x8x8xui8, #int8.pow2<-7>>) {
  %y = int8.max_pool %x kernel [2, 2] strides [2, 2] : tensor<?x4x8x8xui8, #int8.pow2<-7>> -> tensor<?x4x4x4xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.average_pool C1: the result's extents
// CHECK: expected a result of shape ?x4x1x1, got ?x4x8x8
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.average_pool %x kernel [8, 8] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x8x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.average_pool C1: pads smaller than the kernel
// CHECK: expected `pads` smaller than the kernel [2, 2], got [2, 0, 0, 0]
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.average_pool %x kernel [2, 2] pads [2, 0, 0, 0] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x9x7xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.average_pool C2: one exponent of the input
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @average_pool(%x: tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>) {
  %y = int8.average_pool %x kernel [8, 8] : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<-7>>
  func.return
}

// -----

// int8.average_pool C2: one exponent of the result
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @average_pool(%x: tensor<?x2x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.average_pool %x kernel [8, 8] : tensor<?x2x8x8xi8, #int8.pow2<-7>> -> tensor<?x2x1x1xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// int8.average_pool C3: steps of the result that are not absurdly fine
// CHECK: expected scales between which 64 pixels can be averaged, got #int8.pow2<-7> and #int8.pow2<-29>
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.average_pool %x kernel [8, 8] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x1x1xi32, #int8.pow2<-29>>
  func.return
}

// -----

// int8.average_pool C3: steps of the result that are not absurdly coarse
// CHECK: expected scales between which 64 pixels can be averaged, got #int8.pow2<-7> and #int8.pow2<34>
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>) {
  %y = int8.average_pool %x kernel [8, 8] : tensor<?x4x8x8xi8, #int8.pow2<-7>> -> tensor<?x4x1x1xi8, #int8.pow2<34>>
  func.return
}

// -----

// int8.max_pool C1: the result's extents with pads larger than the kernel
// CHECK: expected a result of shape ?x4x11x11, got ?x4x8x8
func.func @max_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.max_pool %x kernel [3, 3] pads [1, 1, 4, 4] zero_padded : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.average_pool C2: the input's scale with a factor
// CHECK: expected scale #int8.pow2<[-5, -4], axis = 1>, got #int8.pow2<-5>
func.func @average_pool(%x: tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>) {
  %y = int8.average_pool %x kernel [7, 7] factor [669, 15] : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.average_pool C3: a factor of 16 bits
// CHECK: expected a `factor` of 1..65535 and 1..45, got [65536, 15]
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.average_pool %x kernel [8, 8] factor [65536, 15] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.average_pool C3: a factor with a shift
// CHECK: expected a `factor` of 1..65535 and 1..45, got [669, 0]
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.average_pool %x kernel [8, 8] factor [669, 0] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.average_pool C3: a factor of two numbers
// CHECK: expected a `factor` of 1..65535 and 1..45, got [669]
func.func @average_pool(%x: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.average_pool %x kernel [8, 8] factor [669] : tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x1x1xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C1: operands of one shape
// CHECK: expected an operand of shape ?x4x8x8, got ?x4x8x7
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x7xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x7xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C1: a result of the operands' shape
// CHECK: expected a result of shape ?x4x8x8, got ?x4x8x7
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x7xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C2: two shifts
// CHECK: expected two `shifts` and a `round` in 0..48, got [0] and 0
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r shifts [0] bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C2: shifts up to 48
// CHECK: expected two `shifts` and a `round` in 0..48, got [0, 49] and 0
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r shifts [0, 49] bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C2: rounding to the right
// CHECK: expected two `shifts` and a `round` in 0..48, got [0, 0] and -1
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r round -1 bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C3: operands of one scale
// CHECK: expected a right operand with exponents [-5], got [-4]
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-4>>) {
  %y = int8.add %l, %r bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-4>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C3: each channel of one scale
// CHECK: expected a right operand with exponents [-5, -4], got [-5, -5]
func.func @add(%l: tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>, %r: tensor<?x2x7x7xi8, #int8.pow2<[-5, -5], axis = 1>>) {
  %y = int8.add %l, %r bounds [-128, 127] : tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>, tensor<?x2x7x7xi8, #int8.pow2<[-5, -5], axis = 1>> -> tensor<?x2x7x7xi8, #int8.pow2<[-5, -4], axis = 1>>
  func.return
}

// -----

// int8.add C3: the result's scale
// CHECK: expected a result with exponents [-4], got [-5]
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r shifts [1, 1] round 2 bounds [-128, 127] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}

// -----

// int8.add C3: exponents on the channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @add(%l: tensor<?x2x2x7xi8, #int8.pow2<[-5, -4], axis = 2>>, %r: tensor<?x2x2x7xi8, #int8.pow2<[-5, -4], axis = 1>>) {
  %y = int8.add %l, %r bounds [-128, 127] : tensor<?x2x2x7xi8, #int8.pow2<[-5, -4], axis = 2>>, tensor<?x2x2x7xi8, #int8.pow2<[-5, -4], axis = 1>> -> tensor<?x2x2x7xi8, #int8.pow2<[-5, -4], axis = 1>>
  func.return
}

// -----

// int8.add C4: bounds in order
// CHECK: expected two ordered i8 `bounds`, got [1, 0]
func.func @add(%l: tensor<?x4x8x8xi8, #int8.pow2<-5>>, %r: tensor<?x4x8x8xi8, #int8.pow2<-5>>) {
  %y = int8.add %l, %r bounds [1, 0] : tensor<?x4x8x8xi8, #int8.pow2<-5>>, tensor<?x4x8x8xi8, #int8.pow2<-5>> -> tensor<?x4x8x8xi8, #int8.pow2<-5>>
  func.return
}
