// RUN: tf2c-opt %s --split-input-file --verify-diagnostics --parsing-diagnostics | filecheck %s

// One blob per chunk that is none.

// an element type that blobs have
// CHECK: expected one of f32, i8, i32, ui8, got f64
func.func @blob() {
  %c = graph.constant <1xf64, [1.0]> : tensor<1xf32>
  func.return
}

// -----

// as many elements as the shape says
// CHECK: expected the elements of a tensor of shape 2, got 1
func.func @blob() {
  %c = graph.constant <2xf32, [1.0]> : tensor<2xf32>
  func.return
}

// -----

// known extents
// CHECK: expected {{.*}}, got
func.func @blob() {
  %c = graph.constant <?x?xf32, [1.0]> : tensor<1x1xf32>
  func.return
}

// -----

// numbers as elements
// CHECK: integer or float literal expected
func.func @blob() {
  %c = graph.constant <1xf32, [true]> : tensor<1xf32>
  func.return
}

// -----

// elements that the type can hold
// CHECK: 300
func.func @blob() {
  %c = int8.constant <1xi8, [300]> : tensor<1xi8, #int8.pow2<-7>>
  func.return
}

// -----

// whole numbers as elements of an integer type
// CHECK: expected {{.*}}1.5
func.func @blob() {
  %c = int8.constant <1xi8, [1.5]> : tensor<1xi8, #int8.pow2<-7>>
  func.return
}
