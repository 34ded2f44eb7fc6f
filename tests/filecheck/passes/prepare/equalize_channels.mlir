// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.ones((1, 2, 1, 1), 'f4'))" %t.npy
// RUN: tf2c-opt %s --split-input-file -p 'equalize-channels{images="%t.npy" rule=ceiling smallest_shift=0}' | filecheck %s
// RUN: tf2c-opt %s --split-input-file -p 'equalize-channels{images="%t.npy"}' | filecheck %s --check-prefix LEGAL

// Channels reach 8 and 1.5, and steps of 1/8 hold both. The second filter gets 8 times the weights
// and the bias, and the next layers, through pooling and concatenation, an eighth of the weights that
// multiply its channel.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [8.0, 0.0, 0.0, 8.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %b = graph.constant <2xf32, [0.0, 4.0]> : tensor<2xf32>
// CHECK-NEXT:    %c = graph.conv %x, %w bias %b : tensor<2xf32> then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %p = graph.max_pool %c kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %d = layout.concat %x, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
// CHECK-NEXT:    %v = graph.constant <1x4x1x1xf32, [1.0, 2.0, 3.0, 0.5]> : tensor<1x4x1x1xf32>
// CHECK-NEXT:    %y = graph.conv %d, %v : tensor<?x4x1x1xf32>, tensor<1x4x1x1xf32> -> tensor<?x1x1x1xf32>
// CHECK-NEXT:    func.return %y : tensor<?x1x1x1xf32>
// With the engine's shifts, one step of the input may not move a channel by more than 4 of its own.
// LEGAL:         graph.constant <2x2x1x1xf32, [3.96875, 0.0, 0.0, 3.96875]>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [8.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xf32>
  %b = graph.constant <2xf32, [0.0, 0.5]> : tensor<2xf32>
  %v = graph.constant <1x4x1x1xf32, [1.0, 2.0, 3.0, 4.0]> : tensor<1x4x1x1xf32>
  %c = graph.conv %x, %w bias %b : tensor<2xf32> then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.max_pool %c kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %d = layout.concat %x, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  %y = graph.conv %d, %v : tensor<?x4x1x1xf32>, tensor<1x4x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}

// -----

// A depthwise layer undoes the factor by its own filters.
// CHECK-LABEL: func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [1.0, 0.0, 4.0, -3.0]> : tensor<2x2x1x1xf32>
// CHECK-NEXT:    %c = graph.conv %x, %w then relu
// CHECK-NEXT:    %v = graph.constant <2x1x1x1xf32, [5.0, 1.75]> : tensor<2x1x1x1xf32>
// CHECK-NEXT:    %y = graph.conv %c, %v group 2
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [1.0, 0.0, 0.5, -0.375]> : tensor<2x2x1x1xf32>
  %v = graph.constant <2x1x1x1xf32, [5.0, 14.0]> : tensor<2x1x1x1xf32>
  %c = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.conv %c, %v group 2 : tensor<?x2x1x1xf32>, tensor<2x1x1x1xf32> -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}

// -----

// A residual operand has a common unit with what it is added to, here the network's result.
// CHECK-LABEL: func.func @main
// CHECK-NEXT:    %w = graph.constant <2x2x1x1xf32, [8.0, 0.0, 0.0, 1.0]>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [8.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xf32>
  %c = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.conv %c, %w residual %c : tensor<?x2x1x1xf32> : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}
