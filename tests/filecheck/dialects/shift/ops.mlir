// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s

// Every op round-trips in both formats; exponents of codes are the layer's or the filters'.

// CHECK-LABEL: func.func @constant
// CHECK-NEXT:    %w = shift.constant <2x2xui8, [0, 7, 14, 6]> : tensor<2x2xi4, #shift.code<-6>>
// CHECK-NEXT:    %two = shift.constant <1x3xui8, [118, 1, 119]> : tensor<1x3xi8, #shift.code<-6>>
// CHECK-NEXT:    %v = shift.constant <2x1xui8, [0, 14]> : tensor<2x1xi4, #shift.code<[-6, -5], axis = 0>>
func.func @constant() {
  %w = shift.constant <2x2xui8, [0, 7, 14, 6]> : tensor<2x2xi4, #shift.code<-6>>
  %two = shift.constant <1x3xui8, [118, 1, 119]> : tensor<1x3xi8, #shift.code<-6>>
  %v = shift.constant <2x1xui8, [0, 14]> : tensor<2x1xi4, #shift.code<[-6, -5], axis = 0>>
  func.return
}

// CHECK-LABEL: func.func @conv
// CHECK-NEXT:    %plain = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %grouped = shift.conv %u, %g, %b dilations [1, 2] group 2 : tensor<?x4x8x8xui8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x4xi32, #int8.pow2<-13>>
// CHECK-NEXT:    %full = shift.conv %x, %v, %c strides [2, 2] pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>> -> tensor<?x2x4x4xi32, #int8.pow2<[-13, -12], axis = 1>>
func.func @conv(%x: tensor<?x1x8x8xi8, #int8.pow2<-7>>, %w: tensor<2x1x3x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>, %v: tensor<2x1x3x3xi4, #shift.code<[-6, -5], axis = 0>>, %c: tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>>, %u: tensor<?x4x8x8xui8, #int8.pow2<-7>>, %g: tensor<2x2x3x3xi8, #shift.code<-6>>) {
  %plain = shift.conv %x, %w, %b : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x6xi32, #int8.pow2<-13>>
  %grouped = shift.conv %u, %g, %b dilations [1, 2] group 2 : tensor<?x4x8x8xui8, #int8.pow2<-7>>, tensor<2x2x3x3xi8, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2x6x4xi32, #int8.pow2<-13>>
  %full = shift.conv %x, %v, %c strides [2, 2] pads [1, 1, 1, 1] : tensor<?x1x8x8xi8, #int8.pow2<-7>>, tensor<2x1x3x3xi4, #shift.code<[-6, -5], axis = 0>>, tensor<2xi32, #int8.pow2<[-13, -12], axis = 0>> -> tensor<?x2x4x4xi32, #int8.pow2<[-13, -12], axis = 1>>
  func.return
}

// CHECK-LABEL: func.func @gemm
// CHECK-NEXT:    %a = shift.gemm %x, %w, %b : tensor<?x3xi8, #int8.pow2<-7>>, tensor<2x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2xi32, #int8.pow2<-13>>
func.func @gemm(%x: tensor<?x3xi8, #int8.pow2<-7>>, %w: tensor<2x3xi4, #shift.code<-6>>, %b: tensor<2xi32, #int8.pow2<-13>>) {
  %a = shift.gemm %x, %w, %b : tensor<?x3xi8, #int8.pow2<-7>>, tensor<2x3xi4, #shift.code<-6>>, tensor<2xi32, #int8.pow2<-13>> -> tensor<?x2xi32, #int8.pow2<-13>>
  func.return
}

// CHECK-LABEL: func.func @constant_bytes
// CHECK-NEXT:    %w = shift.constant <2x2xui8, [0, 64, 159, 255]> : tensor<2x2xui8, #shift.byte>
func.func @constant_bytes() {
  %w = shift.constant <2x2xui8, [0, 64, 159, 255]> : tensor<2x2xui8, #shift.byte>
  func.return
}

// CHECK-LABEL: func.func @conv_bytes
// CHECK-NEXT:    %plain = shift.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x6x6xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
// CHECK-NEXT:    %full = shift.conv %x, %w, %b strides [2, 2] pads [1, 1, 1, 1] negates_in_8_bits : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x4x4xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
func.func @conv_bytes(%x: tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, %w: tensor<3x2x3x3xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>>) {
  %plain = shift.conv %x, %w, %b : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x6x6xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
  %full = shift.conv %x, %w, %b strides [2, 2] pads [1, 1, 1, 1] negates_in_8_bits : tensor<?x2x8x8xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2x3x3xui8, #shift.byte>, tensor<3xi32, #int8.pow2<[-18, -17, -18], axis = 0>> -> tensor<?x3x4x4xi32, #int8.pow2<[-18, -17, -18], axis = 1>>
  func.return
}

// CHECK-LABEL: func.func @gemm_bytes
// CHECK-NEXT:    %plain = shift.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2xui8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-18>>
// CHECK-NEXT:    %full = shift.gemm %x, %w, %b negates_in_8_bits : tensor<?x2xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2xui8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-18>>
func.func @gemm_bytes(%x: tensor<?x2xi8, #int8.pow2<[-7, -6], axis = 1>>, %w: tensor<3x2xui8, #shift.byte>, %b: tensor<3xi32, #int8.pow2<-18>>) {
  %plain = shift.gemm %x, %w, %b : tensor<?x2xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2xui8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-18>>
  %full = shift.gemm %x, %w, %b negates_in_8_bits : tensor<?x2xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<3x2xui8, #shift.byte>, tensor<3xi32, #int8.pow2<-18>> -> tensor<?x3xi32, #int8.pow2<-18>>
  func.return
}

// CHECK-LABEL: func.func @rescale
// CHECK-NEXT:    %plain = shift.rescale %a, %m, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-3>>
// CHECK-NEXT:    %full = shift.rescale %c, %m, %d bounds [0, 255] : tensor<?x2x4x4xi32, #int8.pow2<[-18, -17], axis = 1>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<[-18, -17], axis = 0>> -> tensor<?x2x4x4xui8, #int8.pow2<[-3, -2], axis = 1>>
func.func @rescale(%a: tensor<?x2xi32, #int8.pow2<-18>>, %c: tensor<?x2x4x4xi32, #int8.pow2<[-18, -17], axis = 1>>, %m: tensor<2xi32, #int8.pow2<-20>>, %b: tensor<2xi32, #int8.pow2<-18>>, %d: tensor<2xi32, #int8.pow2<[-18, -17], axis = 0>>) {
  %plain = shift.rescale %a, %m, %b bounds [-128, 127] : tensor<?x2xi32, #int8.pow2<-18>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<-18>> -> tensor<?x2xi8, #int8.pow2<-3>>
  %full = shift.rescale %c, %m, %d bounds [0, 255] : tensor<?x2x4x4xi32, #int8.pow2<[-18, -17], axis = 1>>, tensor<2xi32, #int8.pow2<-20>>, tensor<2xi32, #int8.pow2<[-18, -17], axis = 0>> -> tensor<?x2x4x4xui8, #int8.pow2<[-3, -2], axis = 1>>
  func.return
}
