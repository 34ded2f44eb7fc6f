// RUN: tf2c-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// One broken constraint per chunk, named by its op and label.

// layout.concat C1: operands
// CHECK: expected operands, got none
func.func @concat() {
  %y = "layout.concat"() {axis = 1 : i64} : () -> tensor<?x4xf32>
  func.return
}

// -----

// layout.concat C1: an axis of the operands
// CHECK: expected an axis in 1..1, got 2
func.func @concat(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) {
  %y = layout.concat %a, %b axis 2 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  func.return
}

// -----

// layout.concat C1: an axis behind the batch
// CHECK: expected integer >= 1, got 0
func.func @concat(%a: tensor<?x4xf32>, %b: tensor<?x4xf32>) {
  %y = layout.concat %a, %b axis 0 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  func.return
}

// -----

// layout.concat C2: extents that agree
// CHECK: expected an operand of shape ?x2x8, got ?x2x9
func.func @concat(%a: tensor<?x4x8xf32>, %b: tensor<?x2x9xf32>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x4x8xf32>, tensor<?x2x9xf32>) -> tensor<?x6x8xf32>
  func.return
}

// -----

// layout.concat C2: operands of one rank
// CHECK: expected an operand of shape ?x4, got ?x4x1
func.func @concat(%a: tensor<?x4xf32>, %b: tensor<?x4x1xf32>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x4xf32>, tensor<?x4x1xf32>) -> tensor<?x8xf32>
  func.return
}

// -----

// layout.concat C2: the sum along the axis
// CHECK: expected a result of shape ?x6x8, got ?x7x8
func.func @concat(%a: tensor<?x4x8xf32>, %b: tensor<?x2x8xf32>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x4x8xf32>, tensor<?x2x8xf32>) -> tensor<?x7x8xf32>
  func.return
}

// -----

// layout.concat C3: one scale
// CHECK: expected the elements of tensor<?x4xi8, #int8.pow2<-6>>, got tensor<?x8xi8, #int8.pow2<-7>>
func.func @concat(%a: tensor<?x4xi8, #int8.pow2<-7>>, %b: tensor<?x4xi8, #int8.pow2<-6>>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x4xi8, #int8.pow2<-7>>, tensor<?x4xi8, #int8.pow2<-6>>) -> tensor<?x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// layout.concat C3: one element type
// CHECK: expected the elements of tensor<?x4xui8, #int8.pow2<-7>>, got tensor<?x8xi8, #int8.pow2<-7>>
func.func @concat(%a: tensor<?x4xi8, #int8.pow2<-7>>, %b: tensor<?x4xui8, #int8.pow2<-7>>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x4xi8, #int8.pow2<-7>>, tensor<?x4xui8, #int8.pow2<-7>>) -> tensor<?x8xi8, #int8.pow2<-7>>
  func.return
}

// -----

// layout.concat C3: the whole tensor's scale
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @concat(%a: tensor<?x8x2xi8, #int8.pow2<[-7, -6], axis = 2>>, %b: tensor<?x8x2xi8, #int8.pow2<[-7, -6], axis = 2>>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x8x2xi8, #int8.pow2<[-7, -6], axis = 2>>, tensor<?x8x2xi8, #int8.pow2<[-7, -6], axis = 2>>) -> tensor<?x16x2xi8, #int8.pow2<[-7, -6], axis = 2>>
  func.return
}

// -----

// layout.pad C1: a low and a high of each extent
// CHECK: expected 2 `low` >= 0, got [1]
func.func @pad(%x: tensor<?x4x8xf32>) {
  %y = layout.pad %x low [1] high [1, 1] : (tensor<?x4x8xf32>) -> tensor<?x6x10xf32>
  func.return
}

// -----

// layout.pad C1: a high of each extent
// CHECK: expected 2 `high` >= 0, got [1, 1, 1]
func.func @pad(%x: tensor<?x4x8xf32>) {
  %y = layout.pad %x low [1, 1] high [1, 1, 1] : (tensor<?x4x8xf32>) -> tensor<?x6x10xf32>
  func.return
}

// -----

// layout.pad C1: nothing negative
// CHECK: expected 2 `high` >= 0, got [0, -1]
func.func @pad(%x: tensor<?x4x8xf32>) {
  %y = layout.pad %x low [1, 1] high [0, -1] : (tensor<?x4x8xf32>) -> tensor<?x5x8xf32>
  func.return
}

// -----

// layout.pad C1: the result's extents
// CHECK: expected a result of shape ?x5x10, got ?x4x8
func.func @pad(%x: tensor<?x4x8xf32>) {
  %y = layout.pad %x low [1, 0] high [0, 2] : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  func.return
}

// -----

// layout.pad C1: a dynamic batch
// CHECK: expected an input with a dynamic batch and 1 known extents, got 1x4
func.func @pad(%x: tensor<1x4xf32>) {
  %y = layout.pad %x low [1] high [0] : (tensor<1x4xf32>) -> tensor<1x5xf32>
  func.return
}

// -----

// layout.pad C2: the input's scale
// CHECK: expected the elements of tensor<?x4xi8, #int8.pow2<-7>>, got tensor<?x5xi8, #int8.pow2<-6>>
func.func @pad(%x: tensor<?x4xi8, #int8.pow2<-7>>) {
  %y = layout.pad %x low [1] high [0] : (tensor<?x4xi8, #int8.pow2<-7>>) -> tensor<?x5xi8, #int8.pow2<-6>>
  func.return
}

// -----

// layout.pad C2: the whole tensor's scale
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @pad(%x: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) {
  %y = layout.pad %x low [0, 1] high [0, 0] : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) -> tensor<?x2x5xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// layout.reshape C1: all elements of an image
// CHECK: expected 16 elements per image, got ?x15
func.func @reshape(%x: tensor<?x4x2x2xf32>) {
  %y = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x15xf32>
  func.return
}

// -----

// layout.reshape C1: a dynamic batch
// CHECK: expected an input with a dynamic batch and 3 known extents, got 1x4x2x2
func.func @reshape(%x: tensor<1x4x2x2xf32>) {
  %y = layout.reshape %x : (tensor<1x4x2x2xf32>) -> tensor<?x16xf32>
  func.return
}

// -----

// layout.reshape C1: one image for each of the input's
// CHECK: expected a result with a dynamic batch and 1 known extents, got 4x4
func.func @reshape(%x: tensor<?x4x2x2xf32>) {
  %y = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<4x4xf32>
  func.return
}

// -----

// layout.reshape C1: something to reshape
// CHECK: expected an input with a dynamic batch
func.func @reshape(%x: tensor<?xf32>) {
  %y = layout.reshape %x : (tensor<?xf32>) -> tensor<?x1xf32>
  func.return
}

// -----

// layout.reshape C2: the input's scale
// CHECK: expected the elements of tensor<?x4x2x2xi8, #int8.pow2<-7>>, got tensor<?x16xi8, #int8.pow2<-6>>
func.func @reshape(%x: tensor<?x4x2x2xi8, #int8.pow2<-7>>) {
  %y = layout.reshape %x : (tensor<?x4x2x2xi8, #int8.pow2<-7>>) -> tensor<?x16xi8, #int8.pow2<-6>>
  func.return
}

// -----

// layout.reshape C2: the input's element type
// CHECK: expected the elements of tensor<?x4x2x2xi8, #int8.pow2<-7>>, got tensor<?x16xi32, #int8.pow2<-7>>
func.func @reshape(%x: tensor<?x4x2x2xi8, #int8.pow2<-7>>) {
  %y = layout.reshape %x : (tensor<?x4x2x2xi8, #int8.pow2<-7>>) -> tensor<?x16xi32, #int8.pow2<-7>>
  func.return
}

// -----

// layout.reshape C2: a scale per channel with one pixel only
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @reshape(%x: tensor<?x2x2x2xi8, #int8.pow2<[-7, -6], axis = 1>>) {
  %y = layout.reshape %x : (tensor<?x2x2x2xi8, #int8.pow2<[-7, -6], axis = 1>>) -> tensor<?x8xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// layout.slice C1: a start of each extent
// CHECK: expected 2 `starts` >= 0, got [0]
func.func @slice(%x: tensor<?x4x8xf32>) {
  %y = layout.slice %x from [0] to [4, 8] step [1, 1] : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  func.return
}

// -----

// layout.slice C1: a step of at least 1
// CHECK: expected 2 `steps` >= 1, got [1, 0]
func.func @slice(%x: tensor<?x4x8xf32>) {
  %y = layout.slice %x from [0, 0] to [4, 8] step [1, 0] : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  func.return
}

// -----

// layout.slice C1: an end behind the start
// CHECK: expected a part of 0..8, got 3..3
func.func @slice(%x: tensor<?x4x8xf32>) {
  %y = layout.slice %x from [0, 3] to [4, 3] step [1, 1] : (tensor<?x4x8xf32>) -> tensor<?x4x0xf32>
  func.return
}

// -----

// layout.slice C1: an end within the extent
// CHECK: expected a part of 0..8, got 0..9
func.func @slice(%x: tensor<?x4x8xf32>) {
  %y = layout.slice %x from [0, 0] to [4, 9] step [1, 1] : (tensor<?x4x8xf32>) -> tensor<?x4x9xf32>
  func.return
}

// -----

// layout.slice C1: a start within the extent
// CHECK: expected 2 `starts` >= 0, got [-1, 0]
func.func @slice(%x: tensor<?x4x8xf32>) {
  %y = layout.slice %x from [-1, 0] to [4, 8] step [1, 1] : (tensor<?x4x8xf32>) -> tensor<?x5x8xf32>
  func.return
}

// -----

// layout.slice C1: the result's extents
// CHECK: expected a result of shape ?x4x3, got ?x4x2
func.func @slice(%x: tensor<?x4x8xf32>) {
  %y = layout.slice %x from [0, 0] to [4, 8] step [1, 3] : (tensor<?x4x8xf32>) -> tensor<?x4x2xf32>
  func.return
}

// -----

// layout.slice C2: the input's scale
// CHECK: expected the elements of tensor<?x3xi8, #int8.pow2<-7>>, got tensor<?x3xi8, #int8.pow2<-6>>
func.func @slice(%x: tensor<?x4xi8, #int8.pow2<-7>>) {
  %y = layout.slice %x from [0] to [3] step [1] : (tensor<?x4xi8, #int8.pow2<-7>>) -> tensor<?x3xi8, #int8.pow2<-6>>
  func.return
}

// -----

// layout.slice C2: the whole tensor's scale, or the channels'
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @slice(%x: tensor<?x4x2xi8, #int8.pow2<[-7, -6], axis = 2>>) {
  %y = layout.slice %x from [0, 0] to [3, 2] step [1, 1] : (tensor<?x4x2xi8, #int8.pow2<[-7, -6], axis = 2>>) -> tensor<?x3x2xi8, #int8.pow2<[-7, -6], axis = 2>>
  func.return
}

// -----

// layout.transpose C1: the batch first
// CHECK: expected a permutation of 3 axes that keeps the batch first, got [1, 0, 2]
func.func @transpose(%x: tensor<?x4x8xf32>) {
  %y = layout.transpose %x [1, 0, 2] : (tensor<?x4x8xf32>) -> tensor<4x?x8xf32>
  func.return
}

// -----

// layout.transpose C1: each axis once
// CHECK: expected a permutation of 3 axes that keeps the batch first, got [0, 1, 1]
func.func @transpose(%x: tensor<?x4x8xf32>) {
  %y = layout.transpose %x [0, 1, 1] : (tensor<?x4x8xf32>) -> tensor<?x4x4xf32>
  func.return
}

// -----

// layout.transpose C1: every axis
// CHECK: expected a permutation of 3 axes that keeps the batch first, got [0, 1]
func.func @transpose(%x: tensor<?x4x8xf32>) {
  %y = layout.transpose %x [0, 1] : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  func.return
}

// -----

// layout.transpose C1: the result's extents
// CHECK: expected a result of shape ?x8x4, got ?x4x8
func.func @transpose(%x: tensor<?x4x8xf32>) {
  %y = layout.transpose %x [0, 2, 1] : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  func.return
}

// -----

// layout.transpose C2: the input's scale
// CHECK: expected the elements of tensor<?x4x8xi8, #int8.pow2<-7>>, got tensor<?x8x4xi8, #int8.pow2<-6>>
func.func @transpose(%x: tensor<?x4x8xi8, #int8.pow2<-7>>) {
  %y = layout.transpose %x [0, 2, 1] : (tensor<?x4x8xi8, #int8.pow2<-7>>) -> tensor<?x8x4xi8, #int8.pow2<-6>>
  func.return
}

// -----

// layout.transpose C2: the whole tensor's scale
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @transpose(%x: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) {
  %y = layout.transpose %x [0, 1, 2] : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) -> tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// layout.concat C3: the operands' exponents
// CHECK: expected a result with exponents [-7, -6, -7], got [-7, -6, -6]
func.func @concat(%a: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, %b: tensor<?x1x4xi8, #int8.pow2<-7>>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<?x1x4xi8, #int8.pow2<-7>>) -> tensor<?x3x4xi8, #int8.pow2<[-7, -6, -6], axis = 1>>
  func.return
}

// -----

// layout.concat C3: one element type with scales per channel
// CHECK: expected elements i8, got ui8
func.func @concat(%a: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, %b: tensor<?x1x4xui8, #int8.pow2<-7>>) {
  %y = layout.concat %a, %b axis 1 : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<?x1x4xui8, #int8.pow2<-7>>) -> tensor<?x3x4xi8, #int8.pow2<[-7, -6, -7], axis = 1>>
  func.return
}

// -----

// layout.concat C3: one scale along another axis
// CHECK: expected one scale for the whole tensor, got one per channel
func.func @concat(%a: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) {
  %y = layout.concat %a, %a axis 2 : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>, tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) -> tensor<?x2x8xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// layout.concat C3: operands' exponents on the channels' axis
// CHECK: expected exponents on axis 1, got axis 2
func.func @concat(%a: tensor<?x2x2xi8, #int8.pow2<[-7, -6], axis = 2>>) {
  %y = layout.concat %a axis 1 : (tensor<?x2x2xi8, #int8.pow2<[-7, -6], axis = 2>>) -> tensor<?x2x2xi8, #int8.pow2<[-7, -6], axis = 1>>
  func.return
}

// -----

// layout.slice C2: the exponents of the channels
// CHECK: expected the elements of tensor<?x1x4xi8, #int8.pow2<[-6], axis = 1>>, got tensor<?x1x4xi8, #int8.pow2<[-7], axis = 1>>
func.func @slice(%x: tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) {
  %y = layout.slice %x from [1, 0] to [2, 4] step [1, 1] : (tensor<?x2x4xi8, #int8.pow2<[-7, -6], axis = 1>>) -> tensor<?x1x4xi8, #int8.pow2<[-7], axis = 1>>
  func.return
}

// -----

// layout.slice C2: as many exponents as channels
// CHECK: expected 2 exponents, got 1
func.func @slice(%x: tensor<?x2x4xi8, #int8.pow2<[-7], axis = 1>>) {
  %y = layout.slice %x from [1, 0] to [2, 4] step [1, 1] : (tensor<?x2x4xi8, #int8.pow2<[-7], axis = 1>>) -> tensor<?x1x4xi8, #int8.pow2<[-7], axis = 1>>
  func.return
}
