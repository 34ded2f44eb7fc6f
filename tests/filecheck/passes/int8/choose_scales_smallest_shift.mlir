// RUN: python -c "import sys, numpy; numpy.save(sys.argv[1], numpy.array([1, -0.984375], 'f4').reshape(1, 2, 1, 1))" %t.npy
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy"},convert-graph-to-int8' | filecheck %s
// RUN: tf2c-opt %s -p 'choose-scales{images="%t.npy" smallest_shift=0},convert-graph-to-int8{smallest_shift=0}' | filecheck %s --check-prefix=MULTIPLIED

// The sum of 1/64 fits steps of 2**-12. An engine shifts sums in steps of 2**-6 * 2**-6 by 6 at least, but
// what multiplies may leave them as they are. Steps of 2**-7 let weights of 1 saturate at 127/128, which is
// tolerable.

// CHECK:      int8.requantize {{.*}} shift [6] bounds [0, 127] : {{.*}} -> tensor<?x1x1x1xi8, #int8.pow2<-7>>
// MULTIPLIED: int8.requantize {{.*}} shift [0] bounds [0, 127] : {{.*}} -> tensor<?x1x1x1xi8, #int8.pow2<-12>>
func.func @main(%x: tensor<?x2x1x1xf32>) -> tensor<?x1x1x1xf32> {
  %w = graph.constant <1x2x1x1xf32, [1.0, 1.0]> : tensor<1x2x1x1xf32>
  %y = graph.conv %x, %w then relu : tensor<?x2x1x1xf32>, tensor<1x2x1x1xf32> -> tensor<?x1x1x1xf32>
  func.return %y : tensor<?x1x1x1xf32>
}
