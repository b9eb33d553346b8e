// An image as the model's input. The numbers are those of preprocessing.json.
package classifier

import android.graphics.Bitmap
{% if steps.resize.fits == "longer side" %}
import android.graphics.Canvas
import android.graphics.Color
{% endif %}
import kotlin.math.max
import kotlin.math.min
import kotlin.math.roundToInt

object Preprocessing {
    const val CHANNELS = {{ recipe.channels }}
    const val HEIGHT = {{ recipe.input_size[1] }}
    const val WIDTH = {{ recipe.input_size[2] }}
    val SHAPE = longArrayOf(1, CHANNELS.toLong(), HEIGHT.toLong(), WIDTH.toLong())

    private const val RESIZED_HEIGHT = {{ steps.resize.height }}
    private const val RESIZED_WIDTH = {{ steps.resize.width }}
    private val MEAN = floatArrayOf({% for value in recipe.mean %}{{ value | number }}{{ ", " if not loop.last }}{% endfor %})
    private val STD = floatArrayOf({% for value in recipe.std %}{{ value | number }}{{ ", " if not loop.last }}{% endfor %})

    /** Any bitmap as the input, float32 in NCHW. */
    fun inputOf(image: Bitmap): FloatArray = inputOfPixels(cropped(resized(image)))

    /** A bitmap of the input's size as the input, float32 in NCHW. */
    fun inputOfPixels(image: Bitmap): FloatArray {
        require(image.width == WIDTH && image.height == HEIGHT) { "The bitmap is not of the input's size." }
        val area = WIDTH * HEIGHT
        val pixels = IntArray(area)
        image.getPixels(pixels, 0, WIDTH, 0, 0, WIDTH, HEIGHT)
        val input = FloatArray(CHANNELS * area)
        for (at in 0 until area) {
            for (channel in 0 until CHANNELS) {
                input[channel * area + at] = (level(pixels[at], channel) / 255f - MEAN[channel]) / STD[channel]
            }
        }
        return input
    }

    /** Of a pixel (ARGB), the level of a channel, 0 to 255. */
    private fun level(pixel: Int, channel: Int): Int {
        val red = pixel shr 16 and 0xff
        val green = pixel shr 8 and 0xff
        val blue = pixel and 0xff
        return when {
            CHANNELS == 1 -> (red * 299 + green * 587 + blue * 114 + 500) / 1000
            channel == 0 -> red
            channel == 1 -> green
            channel == 2 -> blue
            else -> pixel ushr 24
        }
    }

    private fun resized(image: Bitmap): Bitmap {
{% if steps.resize.fits == "both sides" %}
        return Bitmap.createScaledBitmap(image, RESIZED_WIDTH, RESIZED_HEIGHT, true)
{% else %}
        val across = RESIZED_WIDTH.toFloat() / image.width
        val down = RESIZED_HEIGHT.toFloat() / image.height
        val scale = {{ "min" if steps.resize.fits == "longer side" else "max" }}(across, down)
        val width = max((image.width * scale).roundToInt(), 1)
        val height = max((image.height * scale).roundToInt(), 1)
        return Bitmap.createScaledBitmap(image, width, height, true)
{% endif %}
    }

    private fun cropped(image: Bitmap): Bitmap {
{% if steps.resize.fits == "longer side" %}
        val result = Bitmap.createBitmap(WIDTH, HEIGHT, Bitmap.Config.ARGB_8888)
        result.eraseColor(Color.rgb({% for index in range(3) %}{{ (255 * recipe.mean[index if recipe.channels >= 3 else 0]) | round | int }}{{ ", " if not loop.last }}{% endfor %}))
        Canvas(result).drawBitmap(image, (WIDTH - image.width) / 2f, (HEIGHT - image.height) / 2f, null)
        return result
{% else %}
        val left = max((image.width - WIDTH) / 2, 0)
        val top = max((image.height - HEIGHT) / 2, 0)
        return Bitmap.createBitmap(image, left, top, min(WIDTH, image.width), min(HEIGHT, image.height))
{% endif %}
    }
}
