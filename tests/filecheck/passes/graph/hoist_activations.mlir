// RUN: tf2c-opt %s -p hoist-activations | filecheck %s

// A ReLU goes in front of all that only moves or selects elements.
// CHECK-LABEL: func.func @far(%x: tensor<?x2x4x4xf32>) -> tensor<?x9xf32>
// CHECK-NEXT:    %0 = graph.relu %x : (tensor<?x2x4x4xf32>) -> tensor<?x2x4x4xf32>
// CHECK-NEXT:    %1 = graph.max_pool %0 kernel [2, 2] strides [2, 2] : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %2 = layout.pad %1 low [1, 0, 0] high [0, 1, 1] : (tensor<?x2x2x2xf32>) -> tensor<?x3x3x3xf32>
// CHECK-NEXT:    %3 = layout.slice %2 from [0, 0, 0] to [1, 3, 3] step [1, 1, 1] : (tensor<?x3x3x3xf32>) -> tensor<?x1x3x3xf32>
// CHECK-NEXT:    %4 = layout.transpose %3 [0, 1, 3, 2] : (tensor<?x1x3x3xf32>) -> tensor<?x1x3x3xf32>
// CHECK-NEXT:    %y = layout.reshape %4 : (tensor<?x1x3x3xf32>) -> tensor<?x9xf32>
// CHECK-NEXT:    func.return %y : tensor<?x9xf32>
func.func @far(%x: tensor<?x2x4x4xf32>) -> tensor<?x9xf32> {
  %a = graph.max_pool %x kernel [2, 2] strides [2, 2] : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
  %b = layout.pad %a low [1, 0, 0] high [0, 1, 1] : (tensor<?x2x2x2xf32>) -> tensor<?x3x3x3xf32>
  %c = layout.slice %b from [0, 0, 0] to [1, 3, 3] step [1, 1, 1] : (tensor<?x3x3x3xf32>) -> tensor<?x1x3x3xf32>
  %d = layout.transpose %c [0, 1, 3, 2] : (tensor<?x1x3x3xf32>) -> tensor<?x1x3x3xf32>
  %e = layout.reshape %d : (tensor<?x1x3x3xf32>) -> tensor<?x9xf32>
  %y = graph.relu %e : (tensor<?x9xf32>) -> tensor<?x9xf32>
  func.return %y : tensor<?x9xf32>
}

// To every operand of a concatenation, and on from there.
// CHECK-LABEL: func.func @concat(%x: tensor<?x2x2x2xf32>, %z: tensor<?x1x1x1xf32>) -> tensor<?x3x1x1xf32>
// CHECK-NEXT:    %0 = graph.clip %x {minimum = {{1.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
// CHECK-NEXT:    %1 = graph.max_pool %0 kernel [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %2 = graph.clip %z {minimum = {{1.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x1x1x1xf32>) -> tensor<?x1x1x1xf32>
// CHECK-NEXT:    %y = layout.concat %1, %2 axis 1 : (tensor<?x2x1x1xf32>, tensor<?x1x1x1xf32>) -> tensor<?x3x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3x1x1xf32>
func.func @concat(%x: tensor<?x2x2x2xf32>, %z: tensor<?x1x1x1xf32>) -> tensor<?x3x1x1xf32> {
  %p = graph.max_pool %x kernel [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
  %c = layout.concat %p, %z axis 1 : (tensor<?x2x1x1xf32>, tensor<?x1x1x1xf32>) -> tensor<?x3x1x1xf32>
  %y = graph.clip %c {minimum = 1.0 : f32, maximum = 6.0 : f32} : (tensor<?x3x1x1xf32>) -> tensor<?x3x1x1xf32>
  func.return %y : tensor<?x3x1x1xf32>
}

// Bounds that keep zero commute with padding,
// CHECK-LABEL: func.func @padded(%x: tensor<?x2xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %0 = graph.clip %x {minimum = {{-1.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT:    %y = layout.pad %0 low [1] high [0] : (tensor<?x2xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3xf32>
func.func @padded(%x: tensor<?x2xf32>) -> tensor<?x3xf32> {
  %p = layout.pad %x low [1] high [0] : (tensor<?x2xf32>) -> tensor<?x3xf32>
  %y = graph.clip %p {minimum = -1.0 : f32, maximum = 6.0 : f32} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}

// others do not.
// CHECK-LABEL: func.func @lifted(%x: tensor<?x2xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %p = layout.pad %x low [1] high [0] : (tensor<?x2xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    %y = graph.clip %p {minimum = {{1.0+(e.00)?}} : f32, maximum = {{6.0+(e.00)?}} : f32} : (tensor<?x3xf32>) -> tensor<?x3xf32>
// CHECK-NEXT:    func.return %y : tensor<?x3xf32>
func.func @lifted(%x: tensor<?x2xf32>) -> tensor<?x3xf32> {
  %p = layout.pad %x low [1] high [0] : (tensor<?x2xf32>) -> tensor<?x3xf32>
  %y = graph.clip %p {minimum = 1.0 : f32, maximum = 6.0 : f32} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}

// Not in front of what is used elsewhere, too, nor of an average, whose sum would be another.
// CHECK-LABEL: func.func @shared(%x: tensor<?x2x2x2xf32>) -> (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>)
// CHECK-NEXT:    %p = graph.max_pool %x kernel [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = graph.relu %p : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    func.return %p, %y : tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>
func.func @shared(%x: tensor<?x2x2x2xf32>) -> (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) {
  %p = graph.max_pool %x kernel [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
  %y = graph.relu %p : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  func.return %p, %y : tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>
}

// CHECK-LABEL: func.func @average(%x: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %p = graph.average_pool %x kernel [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %y = graph.relu %p : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x2x1x1xf32>
func.func @average(%x: tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32> {
  %p = graph.average_pool %x kernel [2, 2] : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
  %y = graph.relu %p : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
