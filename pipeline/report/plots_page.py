"""The page that `dvc plots show` fills, with Vega inlined so that it draws without a network."""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{refresh_tag}<title>taskloom plots</title>
<script type="text/javascript">%s</script>
<style>body{font:15px system-ui,sans-serif;margin:2em}table{border-spacing:15px}</style></head>
<body>{plot_divs}</body></html>
"""


def plots_page() -> str:
    """Return the template; DVC replaces `{plot_divs}` and `{refresh_tag}`."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return _PAGE.replace("%s", bundle.replace("</script", "<\\/script"))
