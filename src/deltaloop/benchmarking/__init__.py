"""What a training step costs in every tool that is installed, and how far each is from the limit.

`deltaloop bench` runs it, and so does `pytest benchmarks` in a checkout. Nothing else in the
package imports it. The way of a measurement:

    jobs -> peers (each library in a process of its own, pinned) -> agreement -> repeats -> results
         -> report and plots

How it is kept fair
-------------------
A. One problem. `jobs` says what is computed; `data` draws initial weights, inputs and targets from
   fixed seeds. Every peer gets the same, float32, and the same batches in the same order (no
   shuffling). Every peer computes the loss of every step, as deltaloop does (a peer's loss is that
   of its own library).
B. Agreement before timing. Parameters and loss after one epoch must agree with the float64 NumPy
   reference (`agreement`). A peer that does not agree is named and not timed.
C. A process for every library, started with one thread in every thread pool it could have and
   pinned to one core (`workers`). The settings that limit threads are read when a library is
   loaded, several libraries in one process share or fight over OpenMP and BLAS, and a crash of
   one would end all. The clock runs inside the process: the pipe to it is never timed.
D. Interleaved repeats. The peers take turns, so that a change of the machine's speed meets all of
   them. A turn begins with work that is not timed, which brings the caches back. Minimum and median
   are of the turns; the minimum is the headline.
E. Compilation is outside the clock and reported apart, as are the imports. Conversion of the data
   to what a library wants happens once and is not timed.
F. The strongest form of every peer that was found; each module of `peers` says which it is.
G. The floor is the larger of arithmetic over the peak of fused multiply-adds and bytes that must
   move over bandwidth, both measured at the start of the run (`machine`).
"""
