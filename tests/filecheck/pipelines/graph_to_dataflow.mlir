// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.random.default_rng(0).normal(size=(16, 1, 4, 4)).astype('f4'))" %t.npy
// RUN: tf2c-opt %s -p drop-output-softmax,remove-identities,fold-padding,fold-batch-norm,hoist-activations,fuse-residual-add,insert-identity-convolutions,fuse-activation --check 2>%t.graph | tf2c-opt -p 'choose-scales{images="%t.npy"},convert-graph-to-int8' --check 2>%t.int8 | tf2c-opt -p round-weights-to-pow2,prove-accumulators,convert-int8-to-shift --check 2>%t.shift | tf2c-opt -p convert-shift-to-dataflow,allocate-memory --check 2>%t.dataflow | filecheck %s
// RUN: cat %t.graph %t.int8 %t.shift %t.dataflow | filecheck %s --check-prefix=CONTRACT
// RUN: tf2c-opt %s -p 'drop-output-softmax,remove-identities,fold-padding,fold-batch-norm,hoist-activations,fuse-residual-add,insert-identity-convolutions,fuse-activation,choose-scales{images="%t.npy"},convert-graph-to-int8,round-weights-to-pow2,prove-accumulators,convert-int8-to-shift,convert-shift-to-dataflow,allocate-memory' | filecheck %s

// A residual network with a ReLU behind a pooling, stage by stage through text and in one go: the same
// jobs. Every pass keeps its contract.

// CONTRACT:      drop-output-softmax: approximate: no quantization noise
// CONTRACT-NEXT: remove-identities: exact: 12 elements equal
// CONTRACT-NEXT: fold-padding: exact: 12 elements equal
// CONTRACT-NEXT: fold-batch-norm: equivalent: relative difference
// CONTRACT-NEXT: hoist-activations: exact: 12 elements equal
// CONTRACT-NEXT: fuse-residual-add: equivalent: relative difference
// CONTRACT-NEXT: insert-identity-convolutions: equivalent: relative difference
// CONTRACT-NEXT: fuse-activation: exact: 12 elements equal
// CONTRACT-NEXT: choose-scales: analysis: 12 elements equal
// CONTRACT-NEXT: convert-graph-to-int8: approximate: {{[0-9.]+}} dB SQNR
// CONTRACT-NEXT: round-weights-to-pow2: approximate: {{[0-9.]+}} dB SQNR
// CONTRACT-NEXT: prove-accumulators: analysis: 12 elements equal
// CONTRACT-NEXT: convert-int8-to-shift: exact: 12 elements equal
// CONTRACT-NEXT: convert-shift-to-dataflow: exact: 12 elements equal
// CONTRACT-NEXT: allocate-memory: exact: 12 elements equal

// CHECK:       dataflow.engine filter_vector 16 channel_vector 8
// CHECK-LABEL: func.func @main(%x: tensor<?x1x4x4xf32>) -> tensor<?x3xi32
// CHECK:         int8.quantize %x
// CHECK:         dataflow.input {{.*}} at {{[0-9]+}} :
// CHECK:         %[[FIRST:r1[_0-9]*]] = dataflow.job {{.*}} pads [1, 1, 1, 1] multipliers [{{.*}}] bounds [0, 127] at {{[0-9]+}} :
// CHECK:         %[[SUM:r2[_0-9]*]] = dataflow.job %[[FIRST]], {{.*}} residual %[[FIRST]]{{.*}} pads [1, 1, 1, 1] multipliers [{{.*}}] bounds [0, 127] pool [2, 2] pool_strides [2, 2] at {{[0-9]+}} shares_page :
// CHECK:         %[[SUMS:.*]] = dataflow.job %[[SUM]]
// CHECK-NEXT:    %y = layout.reshape %[[SUMS]] : (tensor<?x3x1x1xi32
// CHECK-NEXT:    func.return %y
func.func @main(%x: tensor<?x1x4x4xf32>) -> tensor<?x3xf32> {
  %w1 = graph.constant <1x1x3x3xf32, [0.5, -0.25, 0.1, 1.0, 0.3, -0.7, 0.2, 0.9, -0.4]> : tensor<1x1x3x3xf32>
  %c1 = graph.conv %x, %w1 pads [1, 1, 1, 1] : tensor<?x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x4x4xf32>
  %scale = graph.constant <1xf32, [1.5]> : tensor<1xf32>
  %shift = graph.constant <1xf32, [0.2]> : tensor<1xf32>
  %mean = graph.constant <1xf32, [0.1]> : tensor<1xf32>
  %variance = graph.constant <1xf32, [0.8]> : tensor<1xf32>
  %n1 = graph.batch_normalization %c1, %scale, %shift, %mean, %variance {epsilon = 1.0e-05 : f32} : (tensor<?x1x4x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x1x4x4xf32>
  %r1 = graph.relu %n1 : (tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xf32>
  %w2 = graph.constant <1x1x3x3xf32, [-0.5, 0.25, 0.3, -1.0, 0.6, 0.7, 0.1, 0.4, 0.8]> : tensor<1x1x3x3xf32>
  %c2 = graph.conv %r1, %w2 pads [1, 1, 1, 1] : tensor<?x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x4x4xf32>
  %s = graph.add %c2, %r1 : (tensor<?x1x4x4xf32>, tensor<?x1x4x4xf32>) -> tensor<?x1x4x4xf32>
  %p = graph.max_pool %s kernel [2, 2] strides [2, 2] : (tensor<?x1x4x4xf32>) -> tensor<?x1x2x2xf32>
  %r2 = graph.relu %p : (tensor<?x1x2x2xf32>) -> tensor<?x1x2x2xf32>
  %f = layout.reshape %r2 : (tensor<?x1x2x2xf32>) -> tensor<?x4xf32>
  %w3 = graph.constant <3x4xf32, [0.5, -0.2, 0.1, 0.9, -0.8, 0.4, 0.3, 0.2, 0.1, -0.6, 0.7, -0.9]> : tensor<3x4xf32>
  %b3 = graph.constant <3xf32, [0.1, -0.2, 0.3]> : tensor<3xf32>
  %y = graph.gemm %f, %w3 bias %b3 : tensor<3xf32> : tensor<?x4xf32>, tensor<3x4xf32> -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}
