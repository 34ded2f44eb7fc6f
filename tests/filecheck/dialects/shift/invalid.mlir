// RUN: tf2c-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// One broken constraint per chunk, named by its op and label.

// shift.constant C1: the blob is of bytes
// CHECK: expected a blob of uint8 (1, 2), got int8 (1, 2)
func.func @constant() {
  %c = shift.constant <1x2xi8, [1, 2]> : tensor<1x2xi4, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C1: the blob has the result's shape
// CHECK: expected a blob of uint8 (2, 1), got uint8 (1, 2)
func.func @constant() {
  %c = shift.constant <1x2xui8, [1, 2]> : tensor<2x1xi4, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C2: an exponent per filter
// CHECK: expected 2 exponents, got 1
func.func @constant() {
  %c = shift.constant <2x1xui8, [1, 2]> : tensor<2x1xi4, #shift.code<[-6], axis = 0>>
  func.return
}

// -----

// shift.constant C2: the axis of the filters
// CHECK: expected exponents on axis 0, got axis 1
func.func @constant() {
  %c = shift.constant <2x1xui8, [1, 2]> : tensor<2x1xi4, #shift.code<[-6], axis = 1>>
  func.return
}

// -----

// shift.constant C3: codes of 4 bits
// CHECK: expected canonical codes of 4 bits, got 16
func.func @constant() {
  %c = shift.constant <1x2xui8, [7, 16]> : tensor<1x2xi4, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C3: zero without a sign
// CHECK: expected canonical codes of 4 bits, got 15
func.func @constant() {
  %c = shift.constant <1x2xui8, [7, 15]> : tensor<1x2xi4, #shift.code<-6>>
  func.return
}

// -----

// shift.conv C1: a weight for the image's channels
// CHECK: expected a weight for 1 channels, got 3
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x3x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x3x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C1: a dynamic batch
// CHECK: expected an image with a dynamic batch and 3 known extents, got 1x1x8x8
func.func @conv(%x: tensor<1x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<1x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C1: positive strides
// CHECK: expected two `strides` >= 1, got [1, 0]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b strides [1, 0] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C1: four pads that are not negative
// CHECK: expected four `pads` >= 0, got [0, 0, 0, -1]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b pads [0, 0, 0, -1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C1: the result's extents
// CHECK: expected a result of shape ?x2x6x6, got ?x2x8x8
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x8x8xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C2: a bias per filter
// CHECK: expected a bias of shape 2, got 1
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<1xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<1xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C2: the bias's exponents
// CHECK: expected a bias with exponents [-13], got [-12]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-12>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-12>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C2: the result's exponents
// CHECK: expected a result with exponents [-13], got [-14]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-14>>
  func.return
}

// -----

// shift.conv C2: exponents per filter if the weight has them
// CHECK: expected a bias with exponents [-13, -12], got [-13]
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<[-6, -5], axis = 0>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C2: one exponent of the input
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<[-7], axis = 1>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<[-7], axis = 1>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C2: exponents of the weight on its filters' axis
// CHECK: expected exponents on axis 0, got axis 1
func.func @conv(%x: tensor<?x2x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x2x3x3xi4, #shift.code<[-6, -6], axis = 1>>, %b: tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>>) {
  %y = shift.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<-7>>, tensor<2x2x3x3xi4, #shift.code<[-6, -6], axis = 1>>, tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>> -> tensor<?x2x6x6xi32, #int8.pow2<[-13, -13], axis = 1>>
  func.return
}

// -----

// shift.conv C2: exponents of the result on its channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @conv(%x: tensor<?x1x4x4xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<[-6, -6], axis = 0>>, %b: tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>>) {
  %y = shift.conv %x, %w, %b : tensor<?x1x4x4xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<[-6, -6], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -13], axis = 0>> -> tensor<?x2x2x2xi32, #int8.pow2<[-13, -13], axis = 2>>
  func.return
}

// -----

// shift.gemm C1: a weight for the inputs
// CHECK: expected a weight for 6 inputs, got 5
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x5xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x5xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.gemm C1: the result's extents
// CHECK: expected a result of shape ?x2, got ?x3
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x6xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %y = shift.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x6xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x3xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.gemm C2: the bias's exponents
// CHECK: expected a bias with exponents [-13], got [-7]
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x6xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-7>>) {
  %y = shift.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x6xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-7>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.gemm C2: the result's exponents
// CHECK: expected a result with exponents [-13, -12], got [-13]
func.func @gemm(%x: tensor<?x6xi8, #int8.pow2<-7>>, %w: tensor<2x6xi4, #shift.code<[-6, -5], axis = 0>>, %b: tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>>) {
  %y = shift.gemm %x, %w, %b : tensor<?x6xi8, #int8.pow2<-7>>, tensor<2x6xi4, #shift.code<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.constant C3: two terms in an order
// CHECK: expected canonical codes of 8 bits, got 16
func.func @constant() {
  %c = shift.constant <1x2xui8, [119, 16]> : tensor<1x2xi8, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C3: a zero first term only in zero
// CHECK: expected canonical codes of 8 bits, got 7
func.func @constant() {
  %c = shift.constant <1x2xui8, [119, 7]> : tensor<1x2xi8, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C3: two terms where one would not do
// CHECK: expected canonical codes of 8 bits, got 34
func.func @constant() {
  %c = shift.constant <1x2xui8, [119, 34]> : tensor<1x2xi8, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C3: the smaller first term
// CHECK: expected canonical codes of 8 bits, got 130
func.func @constant() {
  %c = shift.constant <1x2xui8, [1, 130]> : tensor<1x2xi8, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C3: zeros without signs
// CHECK: expected canonical codes of 8 bits, got 247
func.func @constant() {
  %c = shift.constant <1x2xui8, [119, 247]> : tensor<1x2xi8, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C3: levels up to 96
// CHECK: expected canonical codes of 8 bits, got 102
func.func @constant() {
  %c = shift.constant <1x2xui8, [119, 102]> : tensor<1x2xi8, #shift.code<-6>>
  func.return
}

// -----

// shift.conv C1: a group that divides the channels
// CHECK: expected `group` to divide 4 channels and 6 filters, got 3
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x1x3x3xi4, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b group 3 : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x1x3x3xi4, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C1: a weight for the channels of a group
// CHECK: expected a weight for 2 channels, got 4
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x3x3xi4, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b group 2 : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x3x3xi4, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C1: the result's extents with dilations
// CHECK: expected a result of shape ?x6x6x4, got ?x6x6x6
func.func @conv(%x: tensor<?x4x8x8xi8, #int8.pow2<-7>>, %w: tensor<6x4x3x3xi4, #shift.code<-6>>, %b: tensor<6xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b dilations [1, 2] : tensor<?x4x8x8xi8, #int8.pow2<-7>>, tensor<6x4x3x3xi4, #shift.code<-6>>, tensor<6xi32, #int8.pow2<-13>> -> tensor<?x6x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.constant C1: bytes in ui8
// CHECK: expected weights of i4 or i8 with codes, or of ui8 with bytes, got i8 with #shift.byte
func.func @constant() {
  %c = shift.constant <1x2xui8, [1, 2]> : tensor<1x2xi8, #shift.byte>
  func.return
}

// -----

// shift.constant C1: codes in i4 or i8
// CHECK: expected weights of i4 or i8 with codes, or of ui8 with bytes, got ui8 with #shift.code<-6>
func.func @constant() {
  %c = shift.constant <1x2xui8, [1, 2]> : tensor<1x2xui8, #shift.code<-6>>
  func.return
}

// -----

// shift.constant C1: the blob of weight bytes has the result's shape
// CHECK: expected a blob of uint8 (2, 1), got uint8 (1, 2)
func.func @constant() {
  %c = shift.constant <1x2xui8, [1, 2]> : tensor<2x1xui8, #shift.byte>
  func.return
}

// -----

// shift.conv C1: weight bytes in ui8
// CHECK: expected weights of i4 or i8 with codes, or of ui8 with bytes, got i4 with #shift.byte
func.func @conv(%x: tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, %w: tensor<3x2x3x3xi4, #shift.byte>, %b: tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>>) {
  %y = shift.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xi4, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x6x6xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
  func.return
}

// -----

// shift.conv C2: with bytes, exponents of the input on its channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @conv(%x: tensor<?x2x2x8xi8, #int8.pow2<[-7, -6], axis = 2>>, %w: tensor<3x2x1x1xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>>) {
  %y = shift.conv %x, %w, %b : tensor<?x2x2x8xi8, #int8.pow2<[-7, -6], axis = 2>>, tensor<3x2x1x1xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x2x8xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
  func.return
}

// -----

// shift.conv C2: with bytes, a bias per filter
// CHECK: expected a bias of shape 3, got 2
func.func @conv(%x: tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, %w: tensor<3x2x3x3xui8, #shift.byte>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x3x6x6xi32, #int8.pow2<-18>>
  func.return
}

// -----

// shift.conv C2: with bytes, the bias's exponents
// CHECK: expected a result with exponents [-18, -17, -18], got [-18, -17, -17]
func.func @conv(%x: tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, %w: tensor<3x2x3x3xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>>) {
  %y = shift.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x6x6xi32, #int8.pow2<[-18, -17, -17], axis = 1>>
  func.return
}

// -----

// shift.conv C3: 8-bit negatives of bytes only
// CHECK: expected `negates_in_8_bits` with weight bytes and an input of i8, got a weight of i4 and an input of i8
func.func @conv(%x: tensor<?x2x8x8xi8, #int8.pow2<-7>>, %w: tensor<3x2x3x3xi4, #shift.code<-6>>, %b: tensor<3xi32, #int8.pow2<-13>>) {
  %y = shift.conv %x, %w, %b negates_in_8_bits : tensor<?x2x8x8xi8, #int8.pow2<-7>>, tensor<3x2x3x3xi4, #shift.code<-6>>, tensor<3xi32, #int8.pow2<-13>> -> tensor<?x3x6x6xi32, #int8.pow2<-13>>
  func.return
}

// -----

// shift.conv C3: 8-bit negatives of signed numbers only
// CHECK: expected `negates_in_8_bits` with weight bytes and an input of i8, got a weight of ui8 and an input of ui8
func.func @conv(%x: tensor<?x2x8x8xui8, #int8.pow2<-7>>, %w: tensor<3x2x3x3xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>>) {
  %y = shift.conv %x, %w, %b negates_in_8_bits : tensor<?x2x8x8xui8, #int8.pow2<-7>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x6x6xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
  func.return
}

// -----

// shift.gemm C1: weight bytes in ui8
// CHECK: expected weights of i4 or i8 with codes, or of ui8 with bytes, got i8 with #shift.byte
func.func @gemm(%x: tensor<?x2xi8, #int8.pow2<-7>>, %w: tensor<3x2xi8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<-18>>) {
  %y = shift.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<-7>>, tensor<3x2xi8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-18>>
  func.return
}

// -----

// shift.gemm C2: with bytes, the bias's exponents
// CHECK: expected a result with exponents [-18], got [-17]
func.func @gemm(%x: tensor<?x2xi8, #int8.pow2<-7>>, %w: tensor<3x2xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<-18>>) {
  %y = shift.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<-7>>, tensor<3x2xui8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-17>>
  func.return
}

// -----

// shift.gemm C3: 8-bit negatives of signed numbers only
// CHECK: expected `negates_in_8_bits` with weight bytes and an input of i8, got a weight of ui8 and an input of ui8
func.func @gemm(%x: tensor<?x2xui8, #int8.pow2<-7>>, %w: tensor<3x2xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<-18>>) {
  %y = shift.gemm %x, %w, %b negates_in_8_bits : tensor<?x2xui8, #int8.pow2<-7>>, tensor<3x2xui8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-18>>
  func.return
}

// -----

// shift.rescale C1: a result of the input's shape
// CHECK: expected a result of shape ?x2, got ?x3
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x3xi8, #int8.pow2<-3>>
  func.return
}

// -----

// shift.rescale C1: an alpha per channel
// CHECK: expected alpha of shape 2, got 1
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<1xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<1xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-3>>
  func.return
}

// -----

// shift.rescale C1: a beta per channel
// CHECK: expected beta of shape 2, got 3
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<3xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-3>>
  func.return
}

// -----

// shift.rescale C2: alpha in steps of 2**-20
// CHECK: expected alpha with exponents [-20], got [-19]
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<2xi32, #int8.pow2<-19>>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-19>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-3>>
  func.return
}

// -----

// shift.rescale C2: beta in the input's steps
// CHECK: expected beta with exponents [-18], got [-18, -17]
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<[-18, -17], axis = 0>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<[-18, -17], axis = 0>> -> tensor<?x2xi8, #int8.pow2<-3>>
  func.return
}

// -----

// shift.rescale C2: exponents of the input on its channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @rescale(%x: tensor<?x2x2xi32, #int8.pow2<[-18, -18], axis = 2>>, %a: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2x2xi32, #int8.pow2<[-18, -18], axis = 2>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2x2xi8, #int8.pow2<-3>>
  func.return
}

// -----

// shift.rescale C3: 15 bits coarser than the input
// CHECK: expected a result with exponents [-3], got [-4]
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-4>>
  func.return
}

// -----

// shift.rescale C4: bounds in int8
// CHECK: expected two ordered i8 `bounds`, got [0, 255]
func.func @rescale(%x: tensor<?x2xi32, #int8.pow2<-18>>, %a: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<-18>>) {
  %y = shift.rescale %x, %a, %b bounds [0, 255] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-3>>
  func.return
}
