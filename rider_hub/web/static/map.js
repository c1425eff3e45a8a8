// Draws a map from its data attribute on canvas (no WebGL): polygons with labels, points, clusters, a legend that filters.
(function () {
  "use strict";
  const FONT = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
  const CLUSTER_PX = 44;
  // What lies above what; a cluster's number must be readable among points.
  const Z = { polygon: 1, point: 2, cluster: 3, name: 4 };
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ownPath = (url) => typeof url === "string" && /^\/(?![/\\])/.test(url);

  function alpha(hex, share) {
    const value = parseInt(hex.slice(1), 16);
    return "rgba(" + (value >> 16) + "," + ((value >> 8) & 255) + "," + (value & 255) + "," + share + ")";
  }

  function text(words, colour, size, more) {
    return new ol.style.Text(Object.assign({
      text: words,
      font: size + "px " + FONT,
      fill: new ol.style.Fill({ color: colour }),
      stroke: new ol.style.Stroke({ color: token("--ground"), width: 3 }),
    }, more));
  }

  function polygonStyle(spec) {
    const colour = token("--map-" + spec.colour);
    return (feature) => new ol.style.Style({
      fill: new ol.style.Fill({ color: alpha(colour, feature.get("chosen") ? 0.28 : 0.06) }),
      // Areas with names are the larger ones: their borders show through those of the smaller ones inside.
      stroke: new ol.style.Stroke({ color: colour, width: feature.get("chosen") ? 3 : spec.labelled ? 1.8 : 0.8 }),
    });
  }

  function labelStyle() {
    return (feature) => new ol.style.Style({
      geometry: (part) => {
        const shape = part.getGeometry();
        return shape.getType() === "MultiPolygon" ? largest(shape).getInteriorPoint() : shape.getInteriorPoint();
      },
      text: text(String(feature.get("label") || feature.get("name") || ""), token("--ink"), 13),
    });
  }

  function largest(shape) {
    return shape.getPolygons().reduce((best, part) => (part.getArea() > best.getArea() ? part : best));
  }

  function disc(colour, radius, chosen) {
    return new ol.style.Circle({
      radius: radius,
      fill: new ol.style.Fill({ color: colour }),
      stroke: new ol.style.Stroke({ color: chosen ? token("--ink") : token("--ground"), width: chosen ? 3 : 1.5 }),
    });
  }

  function pointStyle(spec) {
    const colour = token("--map-" + spec.colour);
    return (feature, resolution) => {
      const members = feature.get("features") || [feature];
      const chosen = members.some((member) => member.get("chosen"));
      if (members.length > 1) {
        return new ol.style.Style({
          image: disc(colour, 10 + Math.min(12, Math.sqrt(members.length)), chosen),
          text: text(String(members.length), token("--ground"), 12, { stroke: undefined }),
        });
      }
      const name = String(members[0].get("name") || "");
      return new ol.style.Style({
        image: disc(colour, 6, chosen),
        text: spec.labelled && resolution < 6 ? text(name, token("--ink"), 12, { offsetY: -14 }) : undefined,
      });
    };
  }

  function makeLayer(spec) {
    const source = new ol.source.Vector();
    const polygons = spec.kind === "polygon";
    const shown = spec.kind === "cluster" ? new ol.source.Cluster({ distance: CLUSTER_PX, source: source }) : source;
    const main = new ol.layer.Vector({ source: shown, visible: spec.visible, zIndex: Z[spec.kind] + (polygons && spec.labelled ? 0.5 : 0) });
    // Names of areas stand above the points, or the points would hide them.
    const names = polygons && spec.labelled ? [new ol.layer.Vector({ source: source, visible: spec.visible, declutter: true, zIndex: Z.name })] : [];
    const each = { spec: spec, source: source, main: main, names: names, all: [main].concat(names) };
    restyle(each);
    return each;
  }

  function restyle(each) {
    each.main.setStyle(each.spec.kind === "polygon" ? polygonStyle(each.spec) : pointStyle(each.spec));
    each.names.forEach((layer) => layer.setStyle(labelStyle()));
  }

  class RiderMap {
    constructor(root) {
      const settings = JSON.parse(root.dataset.map);
      this.root = root;
      this.settings = settings;
      this.hour = null;
      this.message = root.querySelector("[data-map-message]");
      this.layers = settings.layers.map(makeLayer);
      this.chosen = null;
      this.map = this.makeMap();
      this.listen();
      this.load();
    }

    makeMap() {
      const tiles = this.settings.tiles;
      const base = tiles ? [new ol.layer.Tile({ source: new ol.source.XYZ({ url: tiles.url, attributions: tiles.attribution }), opacity: 0.7 })] : [];
      const fit = document.createElement("div");
      fit.className = "ol-fit ol-control ol-unselectable";
      const button = document.createElement("button");
      button.type = "button";
      button.title = "看全部";
      button.textContent = "全";
      button.addEventListener("click", () => this.fit());
      fit.append(button);
      return new ol.Map({
        target: this.root.querySelector("[data-map-canvas]"),
        layers: base.concat(this.layers.flatMap((each) => each.all)),
        controls: [
          new ol.control.Zoom({ zoomInTipLabel: "放大", zoomOutTipLabel: "缩小" }),
          new ol.control.Control({ element: fit }),
          new ol.control.ScaleLine(),
        ].concat(tiles ? [new ol.control.Attribution({ collapsible: false })] : []),
        view: new ol.View({
          center: ol.proj.fromLonLat(this.settings.center || [116.4, 39.92]),
          zoom: this.settings.zoom,
          minZoom: 4,
          maxZoom: 18,
        }),
      });
    }

    listen() {
      this.map.on("singleclick", (event) => this.click(event.pixel));
      this.map.on("pointermove", (event) => {
        const target = this.map.getTargetElement();
        target.style.cursor = !event.dragging && this.map.hasFeatureAtPixel(event.pixel, { hitTolerance: 4 }) ? "pointer" : "";
      });
      this.root.querySelectorAll("[data-layer]").forEach((box) => {
        const each = this.layers.find((layer) => layer.spec.key === box.dataset.layer);
        const show = () => each.all.forEach((layer) => layer.setVisible(box.checked));
        show();
        box.addEventListener("change", show);
      });
      const slider = this.root.querySelector("[data-hour]");
      if (slider) slider.addEventListener("input", () => this.setHour(Number(slider.value)));
      window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
        this.layers.forEach(restyle);
      });
    }

    setHour(hour) {
      const word = hour < 0 ? "不限" : String(hour).padStart(2, "0") + ":00";
      this.root.querySelector("[data-hour-word]").textContent = word;
      this.hour = hour < 0 ? null : hour;
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.layers.filter((each) => each.spec.hourly).forEach((each) => this.read(each)), 200);
    }

    async load() {
      const results = await Promise.all(this.layers.map((each) => this.read(each)));
      if (results.every(Boolean)) this.message.hidden = true;
      if (!this.settings.center) this.fit();
      // Ready once drawn: until then a place on the screen is not yet where the fitted view will show it.
      this.map.once("rendercomplete", () => { this.root.dataset.ready = "true"; });
      this.map.render();
    }

    async read(each) {
      const hour = this.hour === null ? "" : (each.spec.url.includes("?") ? "&" : "?") + "hour=" + this.hour;
      const asked = (each.asked = (each.asked || 0) + 1);
      try {
        const answer = await fetch(each.spec.url + hour, { headers: { Accept: "application/geo+json, application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const features = new ol.format.GeoJSON().readFeatures(await answer.json(), { dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" });
        if (asked !== each.asked) return true; // a later answer is on its way
        each.source.clear(true);
        each.source.addFeatures(features);
        this.root.querySelector('[data-count="' + CSS.escape(each.spec.key) + '"]').textContent = features.length.toLocaleString("zh-CN");
        return true;
      } catch (error) {
        this.message.textContent = "“" + each.spec.title + "”没有读到，请刷新重试，或以列表查看。";
        this.message.classList.add("wrong");
        this.message.hidden = false;
        return false;
      }
    }

    fit() {
      const extent = ol.extent.createEmpty();
      this.layers.forEach((each) => { if (each.main.getVisible()) ol.extent.extend(extent, each.source.getExtent() || ol.extent.createEmpty()); });
      if (!ol.extent.isEmpty(extent)) this.map.getView().fit(extent, { padding: [32, 32, 32, 48], maxZoom: 16 });
    }

    click(pixel) {
      const hits = this.map.getFeaturesAtPixel(pixel, { hitTolerance: 4 });
      const at = this.map.getCoordinateFromPixel(pixel);
      // A point before an area; of the areas that hold the place, the smallest: a community before its street.
      const areas = hits
        .filter((feature) => feature.getGeometry().getType() !== "Point" && feature.getGeometry().intersectsCoordinate(at))
        .sort((one, other) => one.getGeometry().getArea() - other.getGeometry().getArea());
      const hit = hits.find((feature) => feature.getGeometry().getType() === "Point") || areas[0];
      if (!hit) return;
      const members = hit.get("features") || [hit];
      if (members.length > 1 && this.spread(members)) return;
      this.choose(members[0]);
    }

    spread(members) {
      const extent = ol.extent.createEmpty();
      members.forEach((member) => ol.extent.extend(extent, member.getGeometry().getExtent()));
      if (this.map.getView().getZoom() >= 17.5 || ol.extent.getWidth(extent) + ol.extent.getHeight(extent) < 1) return false;
      this.map.getView().fit(extent, { padding: [80, 80, 80, 80], maxZoom: 18, duration: 200 });
      return true;
    }

    choose(feature) {
      if (this.chosen) this.chosen.set("chosen", false);
      this.chosen = feature;
      feature.set("chosen", true);
      this.layers.forEach((each) => each.main.changed());
      const panel = this.root.querySelector(".map-panel");
      const url = feature.get("url");
      if (ownPath(url)) {
        htmx.ajax("GET", url, { target: panel, swap: "innerHTML" });
      } else {
        panel.textContent = String(feature.get("name") || "");
      }
    }
  }

  document.querySelectorAll("[data-map]").forEach((root) => { root.riderMap = new RiderMap(root); });
})();
