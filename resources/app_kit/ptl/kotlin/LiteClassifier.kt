package classifier

import android.graphics.Bitmap
import org.pytorch.IValue
import org.pytorch.LiteModuleLoader
import org.pytorch.Tensor

/** Classifies images with a PyTorch Lite file. Make one and keep it: loading takes longer than classifying. */
class LiteClassifier(modelPath: String, private val labels: List<String>) {
    private val module = LiteModuleLoader.load(modelPath)

    /** The best classes of an image: label and probability, the likeliest first. */
    fun classify(image: Bitmap, top: Int = 5): List<Pair<String, Float>> =
        ranked(logits(Preprocessing.inputOf(image)), labels, top)

    /** Of an input in NCHW, the logits of all classes. */
    fun logits(input: FloatArray): FloatArray {
        val image = Tensor.fromBlob(input, Preprocessing.SHAPE)
        return module.forward(IValue.from(image)).toTensor().dataAsFloatArray
    }
}
