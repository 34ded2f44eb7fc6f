// RUN: tf2c-opt %s | tf2c-opt | filecheck %s
// RUN: tf2c-opt %s --print-op-generic | tf2c-opt | filecheck %s

// Every op round-trips in both formats, for real numbers and for all kinds of stored ones.

// CHECK-LABEL: func.func @concat
// CHECK-NEXT:    %y = layout.concat %a, %b, %a axis 1 : (tensor<?x4x8x8xf32>, tensor<?x2x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x10x8x8xf32>
// CHECK-NEXT:    %rows = layout.concat %a, %a axis 2 : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x4x16x8xf32>
// CHECK-NEXT:    %z = layout.concat %c, %c axis 1 : (tensor<?x3xui8, #int8.pow2<-5>>, tensor<?x3xui8, #int8.pow2<-5>>) -> tensor<?x6xui8, #int8.pow2<-5>>
func.func @concat(%a: tensor<?x4x8x8xf32>, %b: tensor<?x2x8x8xf32>, %c: tensor<?x3xui8, #int8.pow2<-5>>) {
  %y = layout.concat %a, %b, %a axis 1 : (tensor<?x4x8x8xf32>, tensor<?x2x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x10x8x8xf32>
  %rows = layout.concat %a, %a axis 2 : (tensor<?x4x8x8xf32>, tensor<?x4x8x8xf32>) -> tensor<?x4x16x8xf32>
  %z = layout.concat %c, %c axis 1 : (tensor<?x3xui8, #int8.pow2<-5>>, tensor<?x3xui8, #int8.pow2<-5>>) -> tensor<?x6xui8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @pad
// CHECK-NEXT:    %y = layout.pad %x low [0, 1, 2] high [3, 4, 0] : (tensor<?x4x8x8xf32>) -> tensor<?x7x13x10xf32>
// CHECK-NEXT:    %z = layout.pad %q low [1] high [0] : (tensor<?x3xi8, #int8.pow2<-5>>) -> tensor<?x4xi8, #int8.pow2<-5>>
func.func @pad(%x: tensor<?x4x8x8xf32>, %q: tensor<?x3xi8, #int8.pow2<-5>>) {
  %y = layout.pad %x low [0, 1, 2] high [3, 4, 0] : (tensor<?x4x8x8xf32>) -> tensor<?x7x13x10xf32>
  %z = layout.pad %q low [1] high [0] : (tensor<?x3xi8, #int8.pow2<-5>>) -> tensor<?x4xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @reshape
// CHECK-NEXT:    %y = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
// CHECK-NEXT:    %z = layout.reshape %q : (tensor<?x4x2x2xi8, #int8.pow2<-5>>) -> tensor<?x2x8xi8, #int8.pow2<-5>>
// CHECK-NEXT:    %s = layout.reshape %a : (tensor<?x2x1x1xi32, #int8.pow2<[-5, -4], axis = 1>>) -> tensor<?x2xi32, #int8.pow2<[-5, -4], axis = 1>>
func.func @reshape(%x: tensor<?x4x2x2xf32>, %q: tensor<?x4x2x2xi8, #int8.pow2<-5>>, %a: tensor<?x2x1x1xi32, #int8.pow2<[-5, -4], axis = 1>>) {
  %y = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
  %z = layout.reshape %q : (tensor<?x4x2x2xi8, #int8.pow2<-5>>) -> tensor<?x2x8xi8, #int8.pow2<-5>>
  %s = layout.reshape %a : (tensor<?x2x1x1xi32, #int8.pow2<[-5, -4], axis = 1>>) -> tensor<?x2xi32, #int8.pow2<[-5, -4], axis = 1>>
  func.return
}

// CHECK-LABEL: func.func @slice
// CHECK-NEXT:    %y = layout.slice %x from [1, 0, 3] to [4, 8, 7] step [1, 2, 3] : (tensor<?x4x8x8xf32>) -> tensor<?x3x4x2xf32>
// CHECK-NEXT:    %z = layout.slice %q from [4] to [5] step [9] : (tensor<?x5xi8, #int8.pow2<-5>>) -> tensor<?x1xi8, #int8.pow2<-5>>
func.func @slice(%x: tensor<?x4x8x8xf32>, %q: tensor<?x5xi8, #int8.pow2<-5>>) {
  %y = layout.slice %x from [1, 0, 3] to [4, 8, 7] step [1, 2, 3] : (tensor<?x4x8x8xf32>) -> tensor<?x3x4x2xf32>
  %z = layout.slice %q from [4] to [5] step [9] : (tensor<?x5xi8, #int8.pow2<-5>>) -> tensor<?x1xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @transpose
// CHECK-NEXT:    %y = layout.transpose %x [0, 2, 3, 1] : (tensor<?x4x8x6xf32>) -> tensor<?x8x6x4xf32>
// CHECK-NEXT:    %z = layout.transpose %q [0, 2, 1] : (tensor<?x4x8xi8, #int8.pow2<-5>>) -> tensor<?x8x4xi8, #int8.pow2<-5>>
func.func @transpose(%x: tensor<?x4x8x6xf32>, %q: tensor<?x4x8xi8, #int8.pow2<-5>>) {
  %y = layout.transpose %x [0, 2, 3, 1] : (tensor<?x4x8x6xf32>) -> tensor<?x8x6x4xf32>
  %z = layout.transpose %q [0, 2, 1] : (tensor<?x4x8xi8, #int8.pow2<-5>>) -> tensor<?x8x4xi8, #int8.pow2<-5>>
  func.return
}

// CHECK-LABEL: func.func @channels_of_their_own_scale
// CHECK-NEXT:    %joined = layout.concat %a, %b axis 1 : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<?x1x4xi8, #int8.pow2<-7>>) -> tensor<?x3x4xi8, #int8.pow2<[-7, -6, -7], axis = 1>>
// CHECK-NEXT:    %part = layout.slice %j from [1, 0] to [3, 3] step [1, 1] : (tensor<?x3x4xi8, #int8.pow2<[-7, -6, -7], axis = 1>>) -> tensor<?x2x3xi8, #int8.pow2<[-6, -7], axis = 1>>
func.func @channels_of_their_own_scale(%a: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, %b: tensor<?x1x4xi8, #int8.pow2<-7>>, %j: tensor<?x3x4xi8, #int8.pow2<[-7, -6, -7], axis = 1>>) {
  %joined = layout.concat %a, %b axis 1 : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<?x1x4xi8, #int8.pow2<-7>>) -> tensor<?x3x4xi8, #int8.pow2<[-7, -6, -7], axis = 1>>
  %part = layout.slice %j from [1, 0] to [3, 3] step [1, 1] : (tensor<?x3x4xi8, #int8.pow2<[-7, -6, -7], axis = 1>>) -> tensor<?x2x3xi8, #int8.pow2<[-6, -7], axis = 1>>
  func.return
}
