package classifier

import android.graphics.Bitmap
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor

/** Classifies images with an ExecuTorch file. Make one and keep it: loading takes longer than classifying. */
class ExecutorchClassifier(modelPath: String, private val labels: List<String>) {
    private val module = Module.load(modelPath)

    /** The best classes of an image: label and probability, the likeliest first. */
    fun classify(image: Bitmap, top: Int = 5): List<Pair<String, Float>> =
        ranked(logits(Preprocessing.inputOf(image)), labels, top)

    /** Of an input in NCHW, the logits of all classes. */
    fun logits(input: FloatArray): FloatArray {
        val image = Tensor.fromBlob(input, Preprocessing.SHAPE)
        return module.forward(EValue.from(image))[0].toTensor().dataAsFloatArray
    }
}
