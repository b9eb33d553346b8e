package classifier

import kotlin.math.exp

/** The best of all classes by their logits: label and probability, the likeliest first. */
fun ranked(logits: FloatArray, labels: List<String>, top: Int): List<Pair<String, Float>> {
    val largest = logits.max()
    val shares = logits.map { exp(it - largest) }
    val sum = shares.sum()
    return shares.indices.sortedByDescending { shares[it] }.take(top)
        .map { (labels.getOrNull(it) ?: it.toString()) to shares[it] / sum }
}
