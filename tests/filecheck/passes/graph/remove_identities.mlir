// RUN: tf2c-opt %s -p remove-identities | filecheck %s

// Whatever leaves every element where it was goes away, one behind the other.
// CHECK-LABEL: func.func @all(%x: tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
// CHECK-NEXT:    func.return %x : tensor<?x4x2x2xf32>
func.func @all(%x: tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32> {
  %a = layout.concat %x axis 1 : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %b = layout.pad %a low [0, 0, 0] high [0, 0, 0] : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %c = layout.reshape %b : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %d = layout.slice %c from [0, 0, 0] to [4, 2, 2] step [1, 1, 1] : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %e = layout.transpose %d [0, 1, 2, 3] : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %f = graph.max_pool %e kernel [1, 1] : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %g = graph.average_pool %f kernel [1, 1] : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  %y = graph.clip %g {minimum = 0xFF800000 : f32, maximum = 0x7F800000 : f32} : (tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
  func.return %y : tensor<?x4x2x2xf32>
}

// Reshapes behind each other become one, which may be none.
// CHECK-LABEL: func.func @merged(%x: tensor<?x4x2x2xf32>) -> tensor<?x2x8xf32>
// CHECK-NEXT:    %y = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x2x8xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x8xf32>
func.func @merged(%x: tensor<?x4x2x2xf32>) -> tensor<?x2x8xf32> {
  %a = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
  %b = layout.reshape %a : (tensor<?x16xf32>) -> tensor<?x8x2xf32>
  %y = layout.reshape %b : (tensor<?x8x2xf32>) -> tensor<?x2x8xf32>
  func.return %y : tensor<?x2x8xf32>
}

// CHECK-LABEL: func.func @undone(%x: tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32>
// CHECK-NEXT:    func.return %x : tensor<?x4x2x2xf32>
func.func @undone(%x: tensor<?x4x2x2xf32>) -> tensor<?x4x2x2xf32> {
  %a = layout.reshape %x : (tensor<?x4x2x2xf32>) -> tensor<?x16xf32>
  %y = layout.reshape %a : (tensor<?x16xf32>) -> tensor<?x4x2x2xf32>
  func.return %y : tensor<?x4x2x2xf32>
}

// What changes something stays: an order, a stride, one bound.
// CHECK-LABEL: func.func @needed(%x: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %a = layout.transpose %x [0, 2, 1, 3] : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %b = graph.clip %a {minimum = {{0x[fF]{2}800000}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %y = graph.max_pool %b kernel [1, 1] strides [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xf32>
func.func @needed(%x: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32> {
  %a = layout.transpose %x [0, 2, 1, 3] : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
  %b = graph.clip %a {minimum = 0xFF800000 : f32, maximum = 6.0 : f32} : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
  %y = graph.max_pool %b kernel [1, 1] strides [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
