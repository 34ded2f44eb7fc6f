// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.full((1, 2, 1, 1), 127, 'f4'))" %t.npy
// RUN: tf2c-opt %s --split-input-file -p 'absorb-biases{images="%t.npy"}' | filecheck %s

// Channels reach 254: steps of 1 without sign, so 127 is taken away. The next layer's sums would
// fall by 127 times its weights, which its bias makes up for.
// CHECK-LABEL: func.func @main
// CHECK:         %b = graph.constant <2xf32, [-127.0, -125.0]>
// CHECK-NEXT:    %c = graph.conv %x, %w bias %b : tensor<2xf32> then clip<-127.0, _>
// CHECK-NEXT:    %p = graph.max_pool %c
// CHECK-NEXT:    %d = layout.concat %p, %p axis 1
// CHECK:         graph.constant <1xf32, [762.0]>
// CHECK-NEXT:    %y = graph.conv %d, %v bias %{{.*}} : tensor<1xf32> : tensor<?x4x1x1xf32>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xf32>
  %b = graph.constant <2xf32, [0.0, 2.0]> : tensor<2xf32>
  %v = graph.constant <1x4x1x1xf32, [1.0, 2.0, 3.0, 0.0]> : tensor<1x4x1x1xf32>
  %c = graph.conv %x, %w bias %b : tensor<2xf32> then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.max_pool %c kernel [1, 1] : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %d = layout.concat %p, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  %y = graph.conv %d, %v : tensor<?x4x1x1xf32>, tensor<1x4x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}

// -----

// What is added to moves with it, and so the addition's own bias need not.
// CHECK-LABEL: func.func @main
// CHECK:         %b = graph.constant <2xf32, [-127.0, -127.0]>
// CHECK-NEXT:    %c = graph.conv %x, %w bias %b : tensor<2xf32> then clip<-127.0, _>
// CHECK:         %e = graph.constant <2xf32, [-127.0, 0.0]>
// CHECK-NEXT:    %d = graph.conv %c, %v bias %e : tensor<2xf32> residual %c : tensor<?x2x1x1xf32> then clip<-127.0, _>
// CHECK:         graph.constant <2xf32, [254.0, 127.0]>
// CHECK-NEXT:    %y = graph.conv %d, %w bias
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xf32>
  %b = graph.constant <2xf32, [0.0, 0.0]> : tensor<2xf32>
  %v = graph.constant <2x2x1x1xf32, [1.0, 0.0, 0.0, 0.0]> : tensor<2x2x1x1xf32>
  %e = graph.constant <2xf32, [-254.0, 0.0]> : tensor<2xf32>
  %c = graph.conv %x, %w bias %b : tensor<2xf32> then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %d = graph.conv %c, %v bias %e : tensor<2xf32> residual %c : tensor<?x2x1x1xf32> then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %y = graph.conv %d, %w : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  func.return %y : tensor<?x2x1x1xf32>
}

// -----

// Padding would have to move, too; and what shares a scale with a tensor that stays, stays.
// CHECK-LABEL: func.func @main
// CHECK:         %c = graph.conv {{.*}} then relu
// CHECK:         %p = graph.conv {{.*}} then relu
// CHECK-NOT:     clip
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <2x2x1x1xf32, [2.0, 0.0, 0.0, 1.0]> : tensor<2x2x1x1xf32>
  %v = graph.constant <1x4x1x1xf32, [1.0, 2.0, 3.0, 0.0]> : tensor<1x4x1x1xf32>
  %c = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %p = graph.conv %c, %w strides [3, 3] pads [1, 1, 1, 1] then relu : tensor<?x2x1x1xf32>, tensor<2x2x1x1xf32> -> tensor<?x2x1x1xf32>
  %d = layout.concat %c, %p axis 1 : (tensor<?x2x1x1xf32>, tensor<?x2x1x1xf32>) -> tensor<?x4x1x1xf32>
  %y = graph.conv %d, %v : tensor<?x4x1x1xf32>, tensor<1x4x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}
